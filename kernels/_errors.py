"""What the machinery around the kernels raises; `pnnkern._errors` has these and those of the physics."""


class PnnError(Exception):
    """Base of every error pnnkern raises on purpose."""

    said = False  # whether it is for another rank to say so


class DeviceError(PnnError, RuntimeError):
    """A device was asked for that is not usable, or arrays lie on different devices."""


class SettingError(PnnError, ValueError):
    """An environment variable has a value that cannot be used."""


class CacheWarning(UserWarning):
    """The disk cache of compiled code and FFT plans, or an entry in it, cannot be used: the work goes on without."""


__all__ = ["CacheWarning", "DeviceError", "PnnError", "SettingError"]
