"""Tests of scripts/site.sh: the two sites start, are what their configurations claim, and stop."""
import http.client
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
SITE = str(ROOT / "scripts/site.sh")


def nginx_is_there():
    return shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") is not None


@unittest.skipUnless(nginx_is_there(), "nginx is not installed")
class SiteTest(unittest.TestCase):
    def start(self, kind):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        output = subprocess.run([SITE, "start", kind, folder], check=True, capture_output=True, text=True).stdout
        self.addCleanup(subprocess.run, [SITE, "stop", folder], check=True)
        return dict(line.split("=", 1) for line in output.splitlines())

    def get(self, url, context=None):
        place = urllib.parse.urlsplit(url)
        if place.scheme == "https":
            connection = http.client.HTTPSConnection(place.netloc, timeout=10, context=context)
        else:
            connection = http.client.HTTPConnection(place.netloc, timeout=10)
        self.addCleanup(connection.close)
        connection.request("GET", place.path)
        return connection.getresponse()

    @staticmethod
    def trusting_nobody():
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        return context

    def test_the_hardened_site_is_trusted_under_its_names(self):
        site = self.start("hardened")
        context = ssl.create_default_context(cafile=site["CA_FILE"])
        for url in (site["HTTPS_URL"], site["HTTPS_URL"].replace("127.0.0.1", "localhost")):
            self.assertEqual(self.get(url + "/", context).status, 200)

    def test_the_hardened_site_goes_to_https_first_and_keeps_the_host(self):
        site = self.start("hardened")
        answer = self.get(site["HTTP_URL"] + "/")
        self.assertEqual((answer.status, answer.getheader("Location")), (301, site["HTTPS_URL"] + "/"))

    def test_the_careless_site_has_an_expired_certificate_that_nobody_signed(self):
        site = self.start("careless")
        context = self.trusting_nobody()
        context.verify_mode = ssl.CERT_REQUIRED
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.get(site["HTTPS_URL"] + "/app/", context)

    def test_the_careless_site_redirects_down_to_http(self):
        site = self.start("careless")
        answer = self.get(site["HTTPS_URL"] + "/start", self.trusting_nobody())
        self.assertEqual((answer.status, answer.getheader("Location")), (302, site["HTTP_URL"] + "/login.html"))

    def test_the_careless_page_lacks_what_the_hardened_one_has(self):
        careless = self.get(self.start("careless")["HTTPS_URL"] + "/app/", self.trusting_nobody())
        hardened = self.get(self.start("hardened")["HTTPS_URL"] + "/", self.trusting_nobody())
        for name in ("X-Content-Type-Options", "X-Frame-Options", "Permissions-Policy", "Cache-Control"):
            self.assertIsNone(careless.getheader(name))
            self.assertIsNotNone(hardened.getheader(name))
        self.assertEqual(len(careless.headers.get_all("Set-Cookie")), 3)
        self.assertEqual(len(hardened.headers.get_all("Set-Cookie")), 1)

    def test_a_stopped_site_is_gone(self):
        with tempfile.TemporaryDirectory() as folder:
            output = subprocess.run([SITE, "start", "hardened", folder], check=True, capture_output=True, text=True).stdout
            subprocess.run([SITE, "stop", folder], check=True)
            url = dict(line.split("=", 1) for line in output.splitlines())["HTTP_URL"]
            with self.assertRaises(ConnectionRefusedError):
                self.get(url + "/")


if __name__ == "__main__":
    unittest.main()
