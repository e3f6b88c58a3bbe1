# Vault Agent in the place of fetch_secrets.py: logs in with the machine's role, writes the file that
# web-app.service is handed, and exits. https://developer.hashicorp.com/vault/docs/agent-and-proxy/agent
exit_after_auth = true # renders every template, then ends

vault {
  address = "https://vault.example.com:8200"
  retry { num_retries = 5 }
}

auto_auth {
  # https://developer.hashicorp.com/vault/docs/agent-and-proxy/autoauth/methods/aws
  method "aws" {
    mount_path  = "auth/aws"
    exit_on_err = true
    config = {
      type = "iam" # the credentials come from the machine's role
      role = "web-app"
    }
  }
}

template_config {
  exit_on_retry_failure = true # a secret that cannot be read fails the boot
}

template {
  destination          = "/run/web-app-secrets/secrets.json"
  perms                = "0600"
  error_on_missing_key = true
  contents             = <<-EOT
    {{ with secret "secret/data/prod/web/database" }}{
      "prod/web/database": {
        "version": "{{ .Data.metadata.version }}",
        "value": {{ .Data.data.password | toJSON }}
      }
    }{{ end }}
  EOT
}
