"""Django's settings, from the environment (`config/env.py`) and nothing else."""

import os

from csp.constants import NONCE, NONE, SELF

from config.env import ROOT, database, read_env

env = read_env(os.environ)

# ── Who we are

EMBEDDED = env.embedded
LISTENS_ON = env.listens_on
REACH = env.reach
RUNS = env.interlock_runs
TOOL_MODULES = env.interlock_tools
DATA = env.interlock_data
BASE_DIR = ROOT
OPENAI_API_KEY = env.openai_api_key
OPENAI_BASE_URL = env.openai_base_url
ANTHROPIC_API_KEY = env.anthropic_api_key
SECRETS_KEY = env.secrets_key
"""Keys of stored secrets, for `MultiFernet`: the first encrypts, all decrypt."""

DEBUG = False
SECRET_KEY = env.secret_key
ALLOWED_HOSTS = list(env.allowed_hosts)
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "orchestration",
    "dashboard",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "channels",
    "csp",
    "django_htmx",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "dashboard.access.PrivateByDefault",
    "config.static.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dashboard.access.DeniedByDefault",
    "dashboard.access.PlainAddresses",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "dashboard.needs.SaysNo",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "dashboard.shell.shell",
            ],
        },
    }
]

# ── Where things are kept

DATABASES = {"default": database(env)}

# Both are conveniences: where Redis is gone, attempts to sign in are counted by each process for itself, and pages poll.
CACHES = {
    "default": {
        "BACKEND": "config.cache.SharedOrOwn",
        "LOCATION": env.redis_url,
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
    }
    if env.redis_url
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

CHANNEL_LAYERS = {
    "nudges": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {
            # A process waits for its next message five seconds at a time, so its connection must stand more than that.
            "hosts": [{"address": env.redis_url, "socket_connect_timeout": 2, "socket_timeout": 15}],
            # A process with pages says that it listens every few seconds. One that died is forgotten after this.
            "group_expiry": 120,
        },
    }
    if env.redis_url
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

REDIS_URL = env.redis_url
BROKER_URL = env.broker_url or env.redis_url or "memory://"

STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "static"]
# Files are served as they lie in the source folders: nothing to collect, nothing that can be stale. Browsers ask again
# each time (and get 304), so that a page never runs with yesterday's script.
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 0
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_AUTOREFRESH = EMBEDDED  # an edited file shows at once; costs a look at the disk for each request

# ── Accounts

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "dashboard.accounts.Accounts"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "20/m/ip,10/15m/key"}  # ten wrong passwords lock for a quarter hour
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Interlock"

# ── What browsers may do

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_NAME = "interlock_session"  # cookies don't know ports: another site on localhost may use the usual name
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "dashboard.errors.csrf_failure"
if not EMBEDDED:  # the server mode stands behind TLS; the embedded one is plain http on loopback
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    CSRF_TRUSTED_ORIGINS = [f"https://{'*' + host if host.startswith('.') else host}" for host in ALLOWED_HOSTS if host != "*"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 5_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # the form of a branch with a hundred cases has some thousands

# ── Time, language, words to the console

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "orchestration": {"level": "INFO"},
        "dashboard": {"level": "INFO"},
        # Django attaches its own handlers, one of which mails; ours is enough. A 404 or 403 is not worth a line.
        "django": {"handlers": [], "level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "CRITICAL"},  # a wrong host, a body too large: answered, and not ours to mend
    },
}
