using MoA.Engine.Numerics;

namespace MoA.Engine.Tests;

/// <summary>Every vector width; those that the processor lacks run as .NET's software fallback, so all are tested.</summary>
public static class Machine
{
    public static TheoryData<InstructionSet> InstructionSets => [.. Enum.GetValues<InstructionSet>()];

    public static IEnumerable<InstructionSet> All => Enum.GetValues<InstructionSet>();
}
