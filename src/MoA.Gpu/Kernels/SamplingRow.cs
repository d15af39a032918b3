namespace MoA.Gpu.Kernels;

/// <summary>How one sequence's next token is drawn: the engine's <c>SamplingOptions</c>, penalties already in the logits.</summary>
internal struct SamplingRow
{
    /// <summary>log2 e over the temperature; 0 takes the likeliest token.</summary>
    public float Sharpness;

    /// <summary>Keeps the k likeliest; 0 keeps all.</summary>
    public int TopK;

    /// <summary>Keeps the fewest likeliest whose probabilities reach this; 1 keeps all.</summary>
    public float TopP;

    /// <summary>Keeps tokens at least this share as likely as the likeliest.</summary>
    public float MinP;

    /// <summary>The random number, in [0, 1).</summary>
    public double Point;
}
