"""A report as a browser shows it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from image_builder.telling.lineage import MOST_IMAGES
from image_builder.telling.report import Report
from tests.image_builder import sample_reports

OPTIONS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
WIDE, NARROW, PAPER = 1200, 390, 760
CONTRAST = """
const channels = colour => colour.match(/[\\d.]+/g).map(Number);
const light = colour => channels(colour).slice(0, 3)
  .map(one => one / 255).map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
  .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
const behind = element => {
  for (; element; element = element.parentElement) {
    const colour = getComputedStyle(element).backgroundColor;
    if ((channels(colour)[3] ?? 1) > 0) return colour;
  }
};
const texts = "h1, h2, h3, p, dt, dd, li, th, td, caption, a, code, .pill, .muted, .id";
return [...document.querySelectorAll(texts)]
  .filter(element => element.getClientRects().length && !element.closest("svg"))
  .map(element => {
    const pair = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  });
"""
Show = Callable[[Report, int, str], None]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium with nothing open, which writes down its console and all that it asks for."""
    options = webdriver.ChromeOptions()
    for option in (*OPTIONS, *(["--no-sandbox"] if os.geteuid() == 0 else [])):
        options.add_argument(option)
    options.binary_location = shutil.which("chromium") or "chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(
        options=options, service=Service(shutil.which("chromedriver") or "chromedriver")
    )
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Show:
    """Opens a report in a window of that width; the scheme is light, dark or print."""

    def open_page(report: Report, width: int = WIDE, scheme: str = "light") -> None:
        file = tmp_path / "report.html"
        file.write_text(report.page())
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        is_print = scheme == "print"
        colours = [] if is_print else [{"name": "prefers-color-scheme", "value": scheme}]
        media = {"media": "print" if is_print else "", "features": colours}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        browser.get(file.as_uri())

    return open_page


def requests_of(browser: Any) -> list[str]:
    """Every address that the pages asked for since this was asked last."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


def overflow(browser: Any) -> int:
    """How many pixels the page is wider than its window."""
    return int(browser.execute_script("return document.documentElement.scrollWidth - innerWidth"))


REPORTS = [
    sample_reports.empty,
    sample_reports.single,
    sample_reports.busy,
    sample_reports.many,
    sample_reports.hostile,
]


@pytest.mark.parametrize("make", REPORTS, ids=[make.__name__ for make in REPORTS])
def test_a_page_asks_for_nothing_complains_of_nothing_and_fits_its_window(
    make: Callable[[], Report], browser: Any, show: Show
) -> None:
    requests_of(browser)

    for width, scheme in ((WIDE, "light"), (NARROW, "dark"), (PAPER, "print")):
        show(make(), width, scheme)

        assert overflow(browser) <= 0, (width, scheme)

    assert {address.rpartition("/")[2] for address in requests_of(browser)} == {"report.html"}
    assert browser.get_log("browser") == []


def test_headings_tables_and_pictures_are_there_with_names(browser: Any, show: Show) -> None:
    show(sample_reports.busy(), WIDE, "light")

    headings = [one.text for one in browser.find_elements(By.CSS_SELECTOR, "h1, h2")]
    assert headings == ["shop", "To look at", "Environments", "Lineage", "History", "Images"]
    assert all(
        table.find_element(By.TAG_NAME, "caption").text
        for table in browser.find_elements(By.TAG_NAME, "table")
    )
    pictures = browser.find_elements(By.CSS_SELECTOR, ".drawing > svg")
    assert [picture.accessible_name for picture in pictures] == [
        "Which image is built on which",
        "Builds and rollouts in time",
    ]
    assert all(picture.size["width"] > 500 and picture.size["height"] > 100 for picture in pictures)
    assert len(browser.find_elements(By.CSS_SELECTOR, ".card")) == 3


def test_a_box_leads_to_the_row_of_its_image(browser: Any, show: Show) -> None:
    show(sample_reports.busy(), WIDE, "light")

    browser.find_element(By.CSS_SELECTOR, "svg .verified").click()

    assert browser.find_element(By.CSS_SELECTOR, "tr:target .id").text == "ami-00000000000000001"


def test_the_lineage_of_many_images_is_bounded(browser: Any, show: Show) -> None:
    show(sample_reports.many(), WIDE, "light")

    assert len(browser.find_elements(By.CSS_SELECTOR, "svg a")) == MOST_IMAGES
    assert len(browser.find_elements(By.CSS_SELECTOR, "svg .others")) == 2
    assert len(browser.find_elements(By.CSS_SELECTOR, "#images ~ .panel tbody tr")) == 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_can_be_told_from_what_is_behind_it(scheme: str, browser: Any, show: Show) -> None:
    show(sample_reports.busy(), WIDE, scheme)

    page = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    contrasts = browser.execute_script(CONTRAST)

    assert page == {"light": "rgb(244, 246, 248)", "dark": "rgb(18, 21, 26)"}[scheme]
    # WCAG 2.2, success criterion 1.4.3: at least 4.5 to 1.
    assert len(contrasts) > 100
    assert min(contrasts) >= 4.5


def test_what_others_wrote_is_shown_as_it_is_and_not_run(browser: Any, show: Show) -> None:
    show(sample_reports.hostile(), WIDE, "light")

    assert browser.title == f"{sample_reports.HOSTILE}: images and where they run"
    assert browser.find_element(By.TAG_NAME, "h1").text == sample_reports.HOSTILE
    assert not browser.find_elements(By.CSS_SELECTOR, "script, img")
    assert browser.get_log("browser") == []
