#!/usr/bin/python3
"""A small WebKitGTK browser that WebKitWebDriver can drive, with a profile on disk.

The package's own MiniBrowser forgets everything when an automated session ends, so a restart could not be tested with it.
Run it by Debian's Python, to which python3-gi belongs. WebKitWebDriver adds --automation.
"""
import argparse
import os

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, Gtk, WebKit2  # noqa: E402

# The driver compares it with the name that a session asks for.
NAME = "gridfetch-webkit"


def main():
    options = parse_options()
    context = WebKit2.WebContext(website_data_manager=open_profile(options))
    context.set_automation_allowed(True)
    windows = Windows(context)
    context.connect("automation-started", lambda _, session: accept(session, windows))
    context.connect("download-started", lambda _, download: save_into(options.downloads, download))
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, 15, Gtk.main_quit)
    Gtk.main()


def parse_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", required=True)
    parser.add_argument("--downloads", required=True)
    parser.add_argument("--insecure", action="store_true", help="accept the certificates of test servers")
    return parser.parse_known_args()[0]


def open_profile(options):
    data = WebKit2.WebsiteDataManager(
        base_data_directory=os.path.join(options.profile, "data"),
        base_cache_directory=os.path.join(options.profile, "cache"),
    )
    if options.insecure:
        data.set_tls_errors_policy(WebKit2.TLSErrorsPolicy.IGNORE)
    return data


class Windows:
    """The open windows. The browser ends with the last one: so the driver closes a session."""

    def __init__(self, context):
        self.context = context
        self.open = set()
        self.settings = WebKit2.Settings()
        self.settings.set_property("media-playback-requires-user-gesture", False)
        self.settings.set_enable_write_console_messages_to_stdout(True)
        self.policies = WebKit2.WebsitePolicies(autoplay=WebKit2.AutoplayPolicy.ALLOW)

    def make_view(self):
        view = WebKit2.WebView(
            web_context=self.context,
            is_controlled_by_automation=True,
            settings=self.settings,
            website_policies=self.policies,
        )
        window = Gtk.Window()
        window.set_default_size(1280, 900)
        window.add(view)
        window.show_all()
        self.open.add(window)
        window.connect("destroy", self.forget)
        view.connect("close", lambda _: window.destroy())
        view.connect("decide-policy", decide)
        return view

    def forget(self, window):
        self.open.discard(window)
        if not self.open:
            GLib.timeout_add(50, Gtk.main_quit)


def accept(session, windows):
    info = WebKit2.ApplicationInfo()
    info.set_name(NAME)
    session.set_application_info(info)
    session.connect("create-web-view", lambda _: windows.make_view())


def decide(view, decision, kind):
    """Saves what is sent as an attachment. WebKitGTK leaves this to the browser that embeds it."""
    if kind != WebKit2.PolicyDecisionType.RESPONSE:
        return False
    headers = decision.get_response().get_http_headers()
    disposition = headers.get_one("Content-Disposition") if headers else None
    if decision.is_mime_type_supported() and not (disposition or "").startswith("attachment"):
        return False
    decision.download()
    return True


def save_into(folder, download):
    """Gives a file its name when all of it is there: WebKit leaves what a failed download has written to the browser around it."""
    paths = []

    def decide_destination(_, suggested):
        paths.append(os.path.join(folder, os.path.basename(suggested)))
        download.set_destination(GLib.filename_to_uri(paths[0] + ".part", None))
        return True

    def finish(_):
        for path in paths:
            os.rename(path + ".part", path)

    download.connect("decide-destination", decide_destination)
    # Is told before that it has finished.
    download.connect("failed", lambda *_: paths.clear())
    download.connect("finished", finish)


main()
