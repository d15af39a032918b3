using System.Text.RegularExpressions;
using MoA.Gpu.Cuda;

namespace MoA.Gpu.Tests.Cuda;

/// <summary>What the embedded PTX of the kernels in CUDA C++ says.</summary>
public sealed partial class EmbeddedPtxTests
{
    private static readonly string[] Needed =
    [
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", "ldmatrix.sync.aligned.m8n8.x4",
        "cp.async.cg.shared.global", "cp.async.wait_group",
    ];

    [Fact]
    public void Kernels_multiply_on_tensor_cores_and_copy_in_the_background_and_use_no_local_memory()
    {
        Assert.Equal(22, EmbeddedPtx.Kernels.Count);
        foreach (string kernel in EmbeddedPtx.Kernels)
        {
            string ptx = EmbeddedPtx.Of(kernel);
            if (kernel != "merge_attention")
                Assert.All(Needed, part => Assert.Contains(part, ptx, StringComparison.Ordinal));
            Assert.Contains(".target sm_80", ptx, StringComparison.Ordinal);
            Assert.DoesNotMatch(LocalMemory(), ptx);
            Assert.Equal(kernel, Assert.Single(Entry().Matches(ptx)).Groups[1].Value);
        }
    }

    [GeneratedRegex(@"\.local\b|\bcall\b|\bst\.param")]
    private static partial Regex LocalMemory();

    [GeneratedRegex(@"^\.visible \.entry (\w+)", RegexOptions.Multiline)]
    private static partial Regex Entry();
}
