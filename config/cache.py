"""The cache that processes share, in which attempts to sign in are counted."""

import logging
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis import RedisError

log = logging.getLogger(__name__)


class SharedOrOwn(RedisCache):  # type: ignore[misc]
    """Redis; where that does not answer, this process's memory, so that people can sign in, and wrong passwords still count."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._own = LocMemCache("while-redis-is-gone", {**params, "OPTIONS": {}})

    def add(self, *args: Any, **more: Any) -> Any:
        return self._either("add", *args, **more)

    def get(self, *args: Any, **more: Any) -> Any:
        return self._either("get", *args, **more)

    def set(self, *args: Any, **more: Any) -> Any:
        return self._either("set", *args, **more)

    def delete(self, *args: Any, **more: Any) -> Any:
        return self._either("delete", *args, **more)

    def _either(self, name: str, *args: Any, **more: Any) -> Any:
        try:
            return getattr(super(), name)(*args, **more)
        except RedisError as error:
            log.warning("Redis does not answer (%s); this process counts for itself.", error)
            return getattr(self._own, name)(*args, **more)
