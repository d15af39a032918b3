namespace MoA.Engine.Configuration;

/// <summary>How a checkpoint has the matrices of a layer's experts.</summary>
internal enum ExpertLayout
{
    /// <summary>Each one of its own.</summary>
    Apart,

    /// <summary>One above the other, [experts, outputs, inputs].</summary>
    Stacked,

    /// <summary>So too, the gate's rows of each expert above those of up, [experts, 2·intermediate, hidden].</summary>
    StackedTogether,

    /// <summary>
    /// As in gpt-oss: rows of the gate and of up take turns in [experts, 2·intermediate, hidden] of MXFP4; plain numbers stand the other way
    /// round, [experts, inputs, outputs].
    /// </summary>
    Alternating,
}
