using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Numerics;

public sealed unsafe class NativeBufferTests
{
    [Fact]
    public void Memory_is_aligned_and_counted()
    {
        NativeAllocator allocator = new();
        NativeBuffer<byte> bytes = new(allocator, 1);
        NativeBuffer<float> floats = new(allocator, 1001);
        Assert.Equal(0u, (nuint)bytes.Data % NativeAllocator.Alignment);
        Assert.Equal(0u, (nuint)floats.Data % NativeAllocator.Alignment);
        Assert.Equal(1 + 4004, allocator.AllocatedBytes);
        floats.Dispose();
        floats.Dispose();
        Assert.Equal(1, allocator.AllocatedBytes);
        Assert.Equal(4005, allocator.PeakBytes);
        bytes.Dispose();
        Assert.Equal(0, allocator.AllocatedBytes);
        Assert.Equal(4005, allocator.PeakBytes);
    }

    [Fact]
    public void Spans_outside_the_buffer_are_refused()
    {
        using NativeBuffer<int> buffer = new(new NativeAllocator(), 10);
        buffer.Clear();
        Assert.Equal(new int[4], buffer.AsSpan(6, 4).ToArray());
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan(7, 4).Length);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan(-1, 4).Length);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => buffer.AsSpan(0, -1).Length);
    }

    [Fact]
    public void Several_threads_count_together()
    {
        NativeAllocator allocator = new();
        _ = Parallel.For(0, 1000, i =>
        {
            using NativeBuffer<byte> first = new(allocator, i);
            using NativeBuffer<byte> second = new(allocator, 2 * i);
        });
        Assert.Equal(0, allocator.AllocatedBytes);
        Assert.InRange(allocator.PeakBytes, 3 * 999, 3 * 1000 * 999 / 2);
    }
}
