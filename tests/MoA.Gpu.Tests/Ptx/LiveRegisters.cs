using System.Text.RegularExpressions;

namespace MoA.Gpu.Tests.Ptx;

/// <summary>
/// How many 32-bit registers hold something at once at most, in the order in which PTX stands: about what a thread needs, though the
/// driver's compiler moves instructions. Arguments count for nothing, since instructions take them from constant memory. PTX names a new register for every value, so that their number says nothing.
/// </summary>
internal static partial class LiveRegisters
{
    private sealed record Instruction(int[] Writes, int[] Reads, int[] Next);

    public static int Most(string ptx)
    {
        List<int> words = [];
        Instruction[] instructions = Parse(ptx, words);
        int size = words.Count / 64 + 1;
        ulong[][] live = [.. instructions.Select(_ => new ulong[size])];
        int most = 0;
        for (bool changes = true; changes;)
        {
            changes = false;
            for (int i = instructions.Length - 1; i >= 0; i--)
            {
                ulong[] before = new ulong[size];
                foreach (int next in instructions[i].Next)
                {
                    for (int k = 0; k < size; k++)
                        before[k] |= live[next][k];
                }

                foreach (int register in instructions[i].Writes)
                    before[register / 64] &= ~(1UL << register);
                foreach (int register in instructions[i].Reads)
                    before[register / 64] |= 1UL << register;
                if (before.AsSpan().SequenceEqual(live[i]))
                    continue;
                live[i] = before;
                changes = true;
            }
        }

        foreach (ulong[] set in live)
            most = Math.Max(most, Enumerable.Range(0, words.Count).Sum(i => (set[i / 64] >> i & 1) == 0 ? 0 : words[i]));
        return most;
    }

    // Fills words with the size of each register.
    private static Instruction[] Parse(string ptx, List<int> words)
    {
        Dictionary<string, int> numbers = [], labels = [];
        List<string> lines = [];
        foreach (string raw in ptx.Split('\n'))
        {
            string line = raw.Trim();
            if (line.EndsWith(':'))
                labels[line[..^1]] = lines.Count;
            else if (line.EndsWith(';') && line[0] is not '.')
                lines.Add(line);
        }

        return [.. lines.Select((line, at) =>
        {
            int[] registers = [.. Register().Matches(line).Select(match => Number(match.Value))];
            int guard = line.StartsWith('@') ? 1 : 0;
            string operation = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)[guard];
            int writes = operation.Split('.')[0] is "st" or "bra" or "bar" or "ret" or "red" ? 0
                : Vector().Match(line) is { Success: true } vector ? Register().Count(vector.Value) : 1;
            List<int> next = [];
            if (operation.StartsWith("bra", StringComparison.Ordinal))
                next.Add(labels[line.TrimEnd(';').Split([' ', '\t'])[^1]]);
            if (at + 1 < lines.Count && operation != "ret;" && (guard == 1 || next.Count == 0))
                next.Add(at + 1);
            writes = Math.Min(writes, registers.Length - guard);
            if (operation.StartsWith("ld.param", StringComparison.Ordinal) || operation.StartsWith("cvta", StringComparison.Ordinal))
                words[registers[guard]] = 0;
            return new Instruction(
                registers[guard..(guard + writes)],
                [.. registers[..guard], .. registers[(guard + writes)..]],
                [.. next.Where(target => target < lines.Count)]);
        })];

        int Number(string register)
        {
            if (numbers.TryGetValue(register, out int number))
                return number;
            // Predicates have a file of their own.
            words.Add(register.StartsWith("%rd", StringComparison.Ordinal) || register.StartsWith("%fd", StringComparison.Ordinal) ? 2
                : register.StartsWith("%p", StringComparison.Ordinal) ? 0 : 1);
            return numbers[register] = words.Count - 1;
        }
    }

    [GeneratedRegex(@"%[a-z]+\d+\b")]
    private static partial Regex Register();

    [GeneratedRegex(@"\bld\S*\s+\{[^}]*\}")]
    private static partial Regex Vector();
}
