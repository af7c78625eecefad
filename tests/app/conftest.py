"""What the tests of customers' pages share, made once."""

from tests.app.shared_customers import app, gateway, house, quick_passwords  # noqa: F401 - they are fixtures
