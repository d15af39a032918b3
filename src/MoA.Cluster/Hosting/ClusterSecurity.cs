using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using MoA.Engine;
using Orleans.Connections.Security;

namespace MoA.Cluster.Hosting;

/// <summary>
/// How members and clients know each other: TLS, of which both sides show a certificate. Either an authority's, or one that all make of the same
/// secret: the key pair is derived from it, and only who shows that key is let in.
/// </summary>
internal sealed class ClusterSecurity : IDisposable
{
    /// <summary>The variable that may hold the secret.</summary>
    public const string SecretVariable = "MOA_CLUSTER_SECRET";

    // The public key is seen by whoever connects, so a secret could be guessed at leisure: it must be long, and each guess costs.
    private const int ShortestSecret = 20;
    private const int Rounds = 200_000;

    // The order of the curve P-256; a private key lies between 0 and it.
    private static readonly byte[] Order = Convert.FromHexString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

    private readonly X509Certificate2 _own;
    private readonly X509Certificate2Collection? _authorities;

    private ClusterSecurity(X509Certificate2 own, X509Certificate2Collection? authorities)
    {
        _own = own;
        _authorities = authorities;
    }

    /// <summary>What both sides show: made of a secret.</summary>
    /// <exception cref="InvalidInputException">It is too short.</exception>
    public static ClusterSecurity OfSecret(string secret, string source)
    {
        ArgumentNullException.ThrowIfNull(secret);
        secret = secret.Trim();
        if (secret.Length < ShortestSecret)
        {
            throw new InvalidInputException(
                $"{source}: the cluster's secret has {secret.Length} characters, expected at least {ShortestSecret} that nobody can guess; make one by: openssl rand -base64 32");
        }

        using ECDsa key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = PrivateKey(secret) });
        CertificateRequest request = new("CN=moa-cluster", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        using X509Certificate2 made = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(1000));
        return new ClusterSecurity(Usable(made), null);
    }

    /// <summary>What both sides show: certificates that one authority signed.</summary>
    /// <param name="certificateFile">PEM with this member's certificate and its private key.</param>
    /// <param name="authorityFile">PEM with the authority's certificates.</param>
    /// <exception cref="InvalidInputException">A file cannot be read, or is something else.</exception>
    public static ClusterSecurity OfFiles(string certificateFile, string authorityFile)
    {
        X509Certificate2Collection authorities = [];
        try
        {
            authorities.ImportFromPemFile(authorityFile);
        }
        catch (Exception failure) when (failure is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException($"{authorityFile}: no certificate of an authority can be read ({failure.Message.TrimEnd('.')}); expected a PEM file", failure);
        }

        if (authorities.Count == 0)
            throw new InvalidInputException($"{authorityFile}: no certificate in it; expected a PEM file with the authority's");
        try
        {
            using X509Certificate2 read = X509Certificate2.CreateFromPemFile(certificateFile);
            return new ClusterSecurity(Usable(read), authorities);
        }
        catch (Exception failure) when (failure is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(
                $"{certificateFile}: no certificate with its private key can be read ({failure.Message.TrimEnd('.')}); expected a PEM file with both", failure);
        }
    }

    /// <summary>Refuses to be reached from elsewhere without.</summary>
    /// <exception cref="InvalidInputException">The address is another than loopback, and there is no security.</exception>
    public static void Require(ClusterSecurity? security, IPAddress address)
    {
        if (security is null && !IPAddress.IsLoopback(address))
        {
            throw new InvalidInputException(
                $"--member-listen {address}: other machines could join without being asked who they are; give all members one secret (--cluster-secret-file, or the variable {SecretVariable}), or certificates (--cluster-certificate and --cluster-authority)");
        }
    }

    /// <summary>Sets what Orleans' connections show and ask for.</summary>
    public void Apply(TlsOptions options)
    {
        options.LocalCertificate = _own;
        options.LocalClientCertificateSelector = (_, _, _, _, _) => _own;
        options.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        options.ClientCertificateMode = RemoteCertificateMode.RequireCertificate;
        options.RemoteCertificateValidation = (certificate, _, _) => IsTrusted(certificate);
        options.OnAuthenticateAsClient = (_, client) => client.TargetHost = "moa-cluster";
    }

    /// <summary>Whether the other side belongs to the cluster. Members are not told apart by names: whom the authority signs is one.</summary>
    public bool IsTrusted(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        if (_authorities is null)
        {
            return CryptographicOperations.FixedTimeEquals(
                certificate.PublicKey.ExportSubjectPublicKeyInfo(), _own.PublicKey.ExportSubjectPublicKeyInfo());
        }

        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(_authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        return chain.Build(certificate);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _own.Dispose();
        foreach (X509Certificate2 authority in _authorities ?? [])
            authority.Dispose();
    }

    // A key that was only made in memory cannot be shown by every system's TLS; one that went through PKCS #12 can.
    private static X509Certificate2 Usable(X509Certificate2 certificate) =>
        X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);

    private static byte[] PrivateKey(string secret)
    {
        byte[] seed = Rfc2898DeriveBytes.Pbkdf2(secret, "moa cluster key 1"u8, Rounds, HashAlgorithmName.SHA256, 32);
        // Almost every 32 bytes are a key; where they are none, the next hash is taken.
        while (seed.AsSpan().SequenceCompareTo(Order) >= 0 || !seed.AsSpan().ContainsAnyExcept((byte)0))
            seed = SHA256.HashData(seed);
        return seed;
    }
}
