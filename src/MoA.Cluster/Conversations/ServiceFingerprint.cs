using System.Security.Cryptography;
using System.Text;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Serving;

namespace MoA.Cluster.Conversations;

/// <summary>Tells apart models as they are served: members of one fingerprint write the same answers.</summary>
internal static class ServiceFingerprint
{
    /// <summary>A hash over the model, over the rows that stay and their format, and over what requests leave to the service.</summary>
    public static string Of(ModelService service)
    {
        (ModelConfig config, ServiceOptions options) = (service.Model.Config, service.Options);
        string text = string.Join('\n', ModelFingerprint.Of(service.Model), options.Policy.FullName, options.Policy.Identity(config, 1 << 10),
            options.Policy.Identity(config, Math.Min(config.LongestText, 1 << 16)), options.CacheType, options.DefaultNewTokens);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 12));
    }
}
