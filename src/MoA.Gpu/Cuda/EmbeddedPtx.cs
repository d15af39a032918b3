using System.Reflection;
using System.Text.RegularExpressions;

namespace MoA.Gpu.Cuda;

/// <summary>The kernels in CUDA C++ of this folder as PTX, which <c>build.sh</c> makes and the assembly holds.</summary>
internal static partial class EmbeddedPtx
{
    private static readonly Lazy<Dictionary<string, string>> Texts = new(Read);

    /// <summary>All kernels.</summary>
    public static IReadOnlyCollection<string> Kernels => Texts.Value.Keys;

    /// <summary>A module of this kernel alone, so that the driver compiles no more than what runs.</summary>
    public static string Of(string kernel) => Texts.Value[kernel];

    private static Dictionary<string, string> Read()
    {
        Assembly assembly = typeof(EmbeddedPtx).Assembly;
        Dictionary<string, string> texts = [];
        foreach (string name in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".ptx", StringComparison.Ordinal)))
        {
            using StreamReader reader = new(assembly.GetManifestResourceStream(name)!);
            string ptx = reader.ReadToEnd();
            string header = string.Concat(Directive().Matches(ptx).Select(match => match.Value));
            foreach (Match entry in Entry().Matches(ptx))
                texts.Add(entry.Groups[1].Value, header + entry.Value);
        }

        return texts;
    }

    [GeneratedRegex(@"^\.(version|target|address_size|extern) .*\n", RegexOptions.Multiline)]
    private static partial Regex Directive();

    [GeneratedRegex(@"^\.visible \.entry (\w+)\($.*?^\}\n", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Entry();
}
