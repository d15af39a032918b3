using System.Text;

namespace MoA.Engine.Tokenization.Normalizing;

/// <summary>NFC, NFD, NFKC or NFKD.</summary>
internal sealed class UnicodeNormalizer(bool compatibility, bool composes) : Normalizer
{
    public override string Normalize(string text, bool continues) => text.Normalize((compatibility, composes) switch
    {
        (false, true) => NormalizationForm.FormC,
        (false, false) => NormalizationForm.FormD,
        (true, true) => NormalizationForm.FormKC,
        _ => NormalizationForm.FormKD,
    });
}
