using System.CommandLine;
using System.CommandLine.Parsing;
using System.Numerics;
using MoA.Engine;

namespace MoA.Cli.Options;

/// <summary>Makes every option of a number read it as <see cref="NumberText"/> does: the parser's own way follows the culture.</summary>
internal static class NumberOptions
{
    /// <summary>Goes through a command and all below it.</summary>
    public static void ReadStrictly(Command command)
    {
        foreach (Option option in command.Options)
        {
            switch (option)
            {
                case Option<int?> whole:
                    whole.CustomParser ??= result => ReadWhole<int>(result, "a whole number such as 512");
                    break;
                case Option<ulong?> natural:
                    natural.CustomParser ??= result => ReadWhole<ulong>(result, "a whole number, at least 0");
                    break;
                case Option<double?> real:
                    real.CustomParser ??= ReadDecimal;
                    break;
                case { ValueType.IsPrimitive: true } when option.ValueType != typeof(bool):
                    throw new InvalidOperationException($"{option.Name} is of {option.ValueType}, for which there is no parser here.");
            }
        }

        foreach (Command sub in command.Subcommands)
            ReadStrictly(sub);
    }

    private static T? ReadWhole<T>(ArgumentResult result, string expected)
        where T : struct, IBinaryInteger<T> => NumberText.TryWhole(Text(result), out T value) ? value : Refuse<T>(result, expected);

    private static double? ReadDecimal(ArgumentResult result) =>
        NumberText.TryDecimal(Text(result), out double value) ? value : Refuse<double>(result, "a number such as 0.5, with a point and nothing else");

    private static T? Refuse<T>(ArgumentResult result, string expected)
        where T : struct
    {
        result.AddError($"{((OptionResult)result.Parent!).Option.Name} {Text(result)}: expected {expected}");
        return null;
    }

    private static string Text(ArgumentResult result) => result.Tokens[^1].Value;
}
