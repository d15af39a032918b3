using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using MoA.Engine.Files;

namespace MoA.Engine.Hub;

/// <summary>
/// Asks the hub. Redirects are followed here, so that the token goes to the hub's own address only. What may go well the next time
/// is thrown as <see cref="TransientException"/>. Nothing that the server says is believed without a check.
/// </summary>
internal sealed class HubClient : IDisposable
{
    private const int MostRedirects = 10;
    private const int LongestAnswer = 32 << 20;
    private const int MostFiles = 200_000;
    private const long LongestFile = 1L << 44; // so that no sum of them overflows

    private readonly HttpClient _http;
    private readonly HubSettings _settings;

    public HubClient(HubSettings settings)
    {
        _settings = settings;
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = !settings.Endpoint.IsLoopback,
            ConnectTimeout = settings.Patience < TimeSpan.FromSeconds(15) ? settings.Patience : TimeSpan.FromSeconds(15),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("moa", typeof(HubClient).Assembly.GetName().Version!.ToString(3)));
        _http.DefaultRequestHeaders.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
    }

    /// <summary>The commit and the files of a revision.</summary>
    public async Task<HubListing> ListAsync(HubName name, CancellationToken cancellation)
    {
        Uri address = Address($"api/models/{name.Repository}/revision/{Uri.EscapeDataString(name.RevisionOrDefault)}");
        using HttpResponseMessage response = await SendAsync(HttpMethod.Get, address, 0, static _ => false, cancellation).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
            throw HubRefusal.Of(response, name, null, _settings);
        byte[] answer = await ReadAnswerAsync(response, address, cancellation).ConfigureAwait(false);
        return JsonField.Read(address.ToString(), answer, static root =>
        {
            string commit = root["sha"].AsString();
            if (!HubCache.IsCommit(commit))
                throw root["sha"].Expected("a commit, 40 hexadecimal digits");
            string[] files = [.. root["siblings"].Items().Take(MostFiles + 1).Select(file => file["rfilename"].AsString())];
            return files.Length <= MostFiles
                ? new HubListing(commit, [.. files.Distinct(StringComparer.Ordinal)])
                : throw root["siblings"].Refuse($"holds more than {MostFiles} files; expected fewer");
        });
    }

    /// <summary>Length and hash of a file.</summary>
    public async Task<HubFile> DescribeAsync(HubName name, string commit, string file, CancellationToken cancellation)
    {
        FileHeaders headers = new();
        Uri address = FileAddress(name, commit, file);
        using HttpResponseMessage response = await SendAsync(HttpMethod.Head, address, 0, headers.Take, cancellation).ConfigureAwait(false);
        if (!headers.AreEnough && response.StatusCode != HttpStatusCode.OK)
            throw HubRefusal.Of(response, name, file, _settings);
        if (headers.Commit is string other && other != commit)
            throw Unexpected(address, $"answers for the commit {InputFile.Cut(other)}; expected {commit}");
        if (headers.Hash is not string hash)
            throw Unexpected(address, $"names the content \"{InputFile.Cut(headers.Etag ?? "")}\"; expected 64 hexadecimal digits of SHA-256 or 40 of git's SHA-1, to check it by");
        return headers.Bytes is long bytes and >= 0 and <= LongestFile
            ? new HubFile(file, bytes, hash)
            : throw Unexpected(address, $"says that the file has {headers.Bytes?.ToString(CultureInfo.InvariantCulture) ?? "no known number of"} bytes; expected 0 to {LongestFile}");
    }

    /// <summary>The content of a file from a position on, or from its start if the server cannot do that; the answer is to be disposed.</summary>
    public async Task<HttpResponseMessage> OpenAsync(HubName name, string commit, string file, long from, CancellationToken cancellation)
    {
        HttpResponseMessage response = await SendAsync(HttpMethod.Get, FileAddress(name, commit, file), from, static _ => false, cancellation)
            .ConfigureAwait(false);
        if (response.StatusCode is HttpStatusCode.OK or HttpStatusCode.PartialContent or HttpStatusCode.RequestedRangeNotSatisfiable)
            return response;
        using (response)
            throw HubRefusal.Of(response, name, file, _settings);
    }

    /// <summary>The whole content of a file that is not long.</summary>
    public async Task<byte[]> ReadAsync(HubName name, string commit, string file, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await OpenAsync(name, commit, file, 0, cancellation).ConfigureAwait(false);
        return await ReadAnswerAsync(response, FileAddress(name, commit, file), cancellation).ConfigureAwait(false);
    }

    /// <summary>Reads a piece of an answer's body.</summary>
    /// <exception cref="TransientException">The connection broke, or nothing came for too long.</exception>
    public async Task<int> ReadAsync(Stream body, Memory<byte> to, CancellationToken cancellation) =>
        await WatchAsync(async patience => await body.ReadAsync(to, patience).ConfigureAwait(false), cancellation).ConfigureAwait(false);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static InvalidInputException Unexpected(Uri address, string problem) => InputFile.Error(WithoutQuery(address), problem);

    // What stands behind the ? of an address signs the request.
    private static string WithoutQuery(Uri address) => address.GetLeftPart(UriPartial.Path);

    private Uri Address(string path) => new($"{_settings.Endpoint.AbsoluteUri.TrimEnd('/')}/{path}");

    private Uri FileAddress(HubName name, string commit, string file) =>
        Address($"{name.Repository}/resolve/{commit}/{string.Join('/', file.Split('/').Select(Uri.EscapeDataString))}");

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, Uri address, long from, Func<HttpResponseMessage, bool> isEnough, CancellationToken cancellation)
    {
        for (int redirects = 0; ; redirects++)
        {
            HttpResponseMessage response = await SendOnceAsync(method, address, from, cancellation).ConfigureAwait(false);
            if (isEnough(response) || response is not
                {
                    StatusCode: HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther or
                HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect
                })
            {
                return response;
            }

            using (response)
                address = redirects < MostRedirects ? Next(address, response.Headers.Location) : throw Unexpected(address, $"redirects more than {MostRedirects} times");
        }
    }

    private static Uri Next(Uri address, Uri? location)
    {
        if (location is null || !Uri.TryCreate(address, location, out Uri? next) || next.Scheme is not ("http" or "https"))
            throw Unexpected(address, "redirects to no address; expected one that begins with https");
        return next.Scheme == "https" || address.Scheme == "http"
            ? next
            : throw Unexpected(address, $"redirects from https to {next.Host} without; expected https");
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HttpMethod method, Uri address, long from, CancellationToken cancellation)
    {
        using HttpRequestMessage request = new(method, address);
        if (_settings.Token is string token && IsOfHub(address))
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (from > 0)
            request.Headers.Range = new RangeHeaderValue(from, null);
        HttpResponseMessage response = await WatchAsync(
            patience => _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience), cancellation).ConfigureAwait(false);
        if (response.StatusCode is not (HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests) && (int)response.StatusCode < 500)
            return response;
        using (response)
        {
            TimeSpan? wait = response.Headers.RetryAfter is RetryConditionHeaderValue asked ? asked.Delta ?? asked.Date - DateTimeOffset.UtcNow : null;
            throw new TransientException($"{WithoutQuery(address)}: the server answers {(int)response.StatusCode}", null, wait);
        }
    }

    private bool IsOfHub(Uri address) =>
        Uri.Compare(address, _settings.Endpoint, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0;

    private async Task<byte[]> ReadAnswerAsync(HttpResponseMessage response, Uri address, CancellationToken cancellation)
    {
        using Stream body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        using MemoryStream answer = new();
        byte[] piece = new byte[1 << 16];
        while (await ReadAsync(body, piece, cancellation).ConfigureAwait(false) is int count and > 0)
        {
            if (answer.Length + count > LongestAnswer)
                throw Unexpected(address, $"answers with more than {LongestAnswer} bytes; expected fewer");
            answer.Write(piece, 0, count);
        }

        return answer.ToArray();
    }

    private async Task<T> WatchAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken cancellation)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(_settings.Patience);
        try
        {
            return await work(patience.Token).ConfigureAwait(false);
        }
        catch (Exception failure) when (!cancellation.IsCancellationRequested && failure is HttpRequestException or IOException or OperationCanceledException)
        {
            string what = failure is OperationCanceledException
                ? FormattableString.Invariant($"nothing came for {_settings.Patience.TotalSeconds:0.#} s")
                : InputFile.OneLine((failure.InnerException ?? failure).Message).TrimEnd('.');
            throw new TransientException($"{_settings.Endpoint.Host}: the connection failed ({InputFile.Cut(what)})", failure);
        }
    }
}
