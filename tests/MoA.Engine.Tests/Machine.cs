using MoA.Engine.Numerics;

namespace MoA.Engine.Tests;

/// <summary>Every vector width; those that the processor lacks run as .NET's software fallback, so all are tested.</summary>
public static class Machine
{
    public static IEnumerable<object?[]> InstructionSets => new TheoryData<InstructionSet>(Enum.GetValues<InstructionSet>());

    internal static IEnumerable<InstructionSet> All => Enum.GetValues<InstructionSet>();
}
