using System.Runtime.InteropServices;

namespace MoA.Engine.Tests.Tokenization;

/// <summary>A theory that asks the tokenizers library of Hugging Face; skipped where it has no native build of it.</summary>
internal sealed class ReferenceTheoryAttribute : TheoryAttribute
{
    private static readonly bool IsThere =
        NativeLibrary.TryLoad("hf_tokenizers", typeof(Tokenizers.DotNet.Tokenizer).Assembly, null, out _);

    public ReferenceTheoryAttribute()
    {
        if (!IsThere)
            Skip = "Tokenizers.DotNet has no native library for this platform.";
    }
}
