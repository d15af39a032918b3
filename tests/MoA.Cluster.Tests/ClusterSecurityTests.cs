using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MoA.Cluster.Hosting;
using MoA.Engine;
using Orleans.Connections.Security;

namespace MoA.Cluster.Tests;

public sealed class ClusterSecurityTests
{
    private const string Secret = "a secret of more than twenty letters";

    [Fact]
    public void Who_has_the_secret_is_known_to_all_who_have_it_and_to_nobody_else()
    {
        using ClusterSecurity one = ClusterSecurity.OfSecret(Secret, "here"), two = ClusterSecurity.OfSecret($" {Secret}\n", "there"),
            other = ClusterSecurity.OfSecret(Secret + "!", "elsewhere");
        Assert.True(one.IsTrusted(CertificateOf(two)));
        Assert.True(two.IsTrusted(CertificateOf(one)));
        Assert.False(one.IsTrusted(CertificateOf(other)));
        Assert.False(other.IsTrusted(CertificateOf(one)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nineteen characters")]
    [InlineData("   nineteen characters   ")]
    public void Secrets_that_can_be_guessed_are_refused(string secret)
    {
        string message = Assert.Throws<InvalidInputException>(() => ClusterSecurity.OfSecret(secret, "secret.txt")).Message;
        Assert.StartsWith("secret.txt: the cluster's secret has", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Whom_the_authority_signed_is_let_in()
    {
        using TemporaryFolder folder = new();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256), strangerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 authority = Authority("CN=ours", key), stranger = Authority("CN=ours", strangerKey);
        string authorityFile = folder.Write("authority.pem", authority.ExportCertificatePem());
        string first = folder.Write("first.pem", Signed(authority, "CN=first")), second = folder.Write("second.pem", Signed(authority, "CN=second"));
        string strange = folder.Write("strange.pem", Signed(stranger, "CN=second"));
        using ClusterSecurity one = ClusterSecurity.OfFiles(first, authorityFile), two = ClusterSecurity.OfFiles(second, authorityFile),
            other = ClusterSecurity.OfFiles(strange, authorityFile);
        Assert.True(one.IsTrusted(CertificateOf(two)));
        Assert.True(two.IsTrusted(CertificateOf(one)));
        Assert.False(one.IsTrusted(CertificateOf(other)));
    }

    [Fact]
    public void Files_that_are_something_else_are_named()
    {
        using TemporaryFolder folder = new();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 authority = Authority("CN=ours", key);
        string good = folder.Write("authority.pem", authority.ExportCertificatePem()), empty = folder.Write("empty.pem", "");
        string missing = Path.Combine(folder.Path, "missing.pem"), text = folder.Write("text.pem", "no certificate");
        foreach ((string certificate, string authorities, string named) in new[]
        {
            (good, good, good), // without a private key
            (missing, good, missing), (text, good, text), (empty, good, empty), (good, missing, missing), (good, empty, empty), (good, text, text),
        })
        {
            string message = Assert.Throws<InvalidInputException>(() => ClusterSecurity.OfFiles(certificate, authorities).Dispose()).Message;
            Assert.StartsWith(named, message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("192.0.2.7")]
    [InlineData("::")]
    public void Beyond_loopback_somebody_must_be_asked(string address)
    {
        _ = Assert.Throws<InvalidInputException>(() => ClusterSecurity.Require(null, IPAddress.Parse(address)));
        using ClusterSecurity security = ClusterSecurity.OfSecret(Secret, "here");
        ClusterSecurity.Require(security, IPAddress.Parse(address));
        ClusterSecurity.Require(null, IPAddress.Loopback);
        ClusterSecurity.Require(null, IPAddress.IPv6Loopback);
    }

    private static X509Certificate2 CertificateOf(ClusterSecurity security)
    {
        TlsOptions options = new();
        security.Apply(options);
        return options.LocalCertificate!;
    }

    private static X509Certificate2 Authority(string name, ECDsa key)
    {
        CertificateRequest request = new(name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    private static string Signed(X509Certificate2 authority, string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new(name, key, HashAlgorithmName.SHA256);
        using X509Certificate2 certificate = request.Create(authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(1), [1, 2, 3, 4]);
        return $"{certificate.ExportCertificatePem()}\n{key.ExportPkcs8PrivateKeyPem()}\n";
    }

    private sealed class TemporaryFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("moa-cluster-").FullName;

        public string Write(string name, string text)
        {
            string file = System.IO.Path.Combine(Path, name);
            File.WriteAllText(file, text);
            return file;
        }

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
