"""What the card itself can do, for rooflines, and the energy that it counts."""

import ctypes
import statistics
import time

import torch
import torch.nn.functional as F


def synchronize(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(work, device, repeats, warm_ups=2, least_seconds=0.02):
    """Seconds of one call: median over repeats, each of as many calls as take a while."""
    for _ in range(warm_ups):
        work()
    synchronize(device)
    start = time.perf_counter()
    work()
    synchronize(device)
    calls = max(1, min(1000, int(least_seconds / max(1e-9, time.perf_counter() - start)) + 1))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(calls):
            work()
        synchronize(device)
        times.append((time.perf_counter() - start) / calls)
    return statistics.median(times)


def copy_rate(device, repeats, count=1 << 30):
    """Bytes read and bytes written in a second of copying."""
    source = torch.empty(count, dtype=torch.uint8, device=device).zero_()
    target = torch.empty_like(source)
    return 2 * count / seconds_of(lambda: target.copy_(source), device, repeats)


def matmul_rate(device, dtype, repeats, size=8192):
    """Operations a second of a product of square matrices; a multiplication and an addition are two."""
    a, b = (torch.empty(size, size, dtype=dtype, device=device).normal_() for _ in range(2))
    c = torch.empty_like(a)
    return 2 * size ** 3 / seconds_of(lambda: torch.mm(a, b, out=c), device, repeats)


def prefill_attention_rate(device, dtype, repeats, length, heads=32, head_size=128):
    """Operations a second of causal attention, of which half the square counts."""
    q, k, v = (torch.empty(1, heads, length, head_size, dtype=dtype, device=device).normal_() for _ in range(3))
    seconds = seconds_of(lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True), device, repeats)
    return 4 * heads * head_size * (length * (length + 1) // 2) / seconds


class CardEnergy:
    """Joules of the card that PyTorch uses, through NVIDIA's management library; None for every reading where that cannot be."""

    LEAST_SECONDS = 1.0  # counters move ten times a second or more

    def __init__(self, device):
        self._nvml = None
        if device.type != "cuda":
            return
        try:
            nvml = ctypes.CDLL("libnvidia-ml.so.1")
            handle = ctypes.c_void_p()
            if nvml.nvmlInit_v2() == 0 and self._find(nvml, device, handle) and self._read(nvml, handle) is not None:
                self._nvml, self._handle = nvml, handle
        except (OSError, AttributeError):
            pass

    def joules(self):
        return None if self._nvml is None else self._read(self._nvml, self._handle)

    @staticmethod
    def _find(nvml, device, handle):
        # The two libraries number cards differently: the card's own number is safe, the first of one card too.
        uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
        if uuid is not None:
            name = str(uuid)
            name = name if name.startswith(("GPU-", "MIG-")) else "GPU-" + name
            if nvml.nvmlDeviceGetHandleByUUID(name.encode(), ctypes.byref(handle)) == 0:
                return True
        count = ctypes.c_uint()
        return (nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0 and count.value == 1
                and nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(handle)) == 0)

    @staticmethod
    def _read(nvml, handle):
        millijoules = ctypes.c_ulonglong()
        return millijoules.value / 1e3 if nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules)) == 0 else None
