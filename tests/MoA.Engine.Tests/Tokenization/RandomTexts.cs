using System.Text;
using FsCheck;
using FsCheck.Fluent;
using MoA.Tests;

namespace MoA.Engine.Tests.Tokenization;

/// <summary>Random Unicode: any scalar value, weighted towards text, white space and controls.</summary>
internal static class RandomTexts
{
    private static Gen<string> Texts { get; } = Gen.OneOf(
            Gen.Choose(0, 0x7F),
            Gen.Choose(0, 0x7F),
            Gen.Elements(' ', '\n', '\t', '\r', '\'', '\u2581', '\u00A0', '\u3000', '\u0301', '\uFFFD', '\u0130').Select(c => (int)c),
            Gen.Choose(0x80, 0xD7FF),
            Gen.Choose(0xE000, 0xFFFF),
            Gen.Choose(0x10000, 0x10FFFF))
        .ArrayOf()
        .Select(codePoints => string.Concat(codePoints.Select(c => new Rune(c).ToString())));

    public static void Check(Action<string> property) => Prop.ForAll(Texts.ToArbitrary(), property).Holds();
}
