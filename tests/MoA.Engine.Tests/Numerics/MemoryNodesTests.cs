using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Numerics;

/// <summary>Nodes of memory as Linux lists them, and pages that come from them in turn.</summary>
public sealed class MemoryNodesTests
{
    [Theory]
    [InlineData("0", "0", new[] { 0 })]
    [InlineData("0-7", "0-1", new[] { 0, 1 })]
    [InlineData("1,3-5", "0-4", new[] { 1, 3, 4 })]
    [InlineData("0-1", "", new int[0])]
    [InlineData("0-4000000000,x,-", "0", new int[0])]
    public void Nodes_are_those_with_memory_that_may_be_used(string allowed, string withMemory, int[] expected)
    {
        using TemporaryFolder root = new();
        _ = Directory.CreateDirectory(root.File("proc/self"));
        _ = Directory.CreateDirectory(root.File("sys/devices/system/node"));
        _ = root.Write("proc/self/status", $"Name:\tmoa\nMems_allowed:\t1\nMems_allowed_list:\t{allowed}\n");
        _ = root.Write("sys/devices/system/node/has_memory", withMemory + "\n");
        Assert.Equal(expected, MemoryNodes.Of(root.Path));
        Assert.Empty(MemoryNodes.Of(root.File("nothing")));
    }

    /// <summary>The call itself, over the nodes that are there: the kernel takes it, and the memory is what it was.</summary>
    [Fact]
    public unsafe void The_kernel_is_asked_for_pages_in_turn()
    {
        using NativeBuffer<byte> memory = new(new NativeAllocator(), 8 << 20, spread: true);
        if (MemoryNodes.Usable.Count > 0) // no Linux, or one that knows of no nodes
            Assert.True(MemoryNodes.Interleave(memory.Data, (nuint)memory.Bytes, MemoryNodes.Usable));
        Assert.False(MemoryNodes.Interleave(memory.Data, (nuint)memory.Bytes, []));
        memory.AsSpan(0, 8 << 20).Fill(7);
        Assert.Equal(7, memory.Data[memory.Length - 1]);
    }
}
