using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace MoA.Engine.Hub;

/// <summary>Brings one content into the cache: goes on where an earlier run ended, and checks length and hash before it counts.</summary>
/// <param name="client">Where it comes from.</param>
/// <param name="settings">How to repeat what fails.</param>
/// <param name="store">Where it goes.</param>
/// <param name="name">The model.</param>
/// <param name="commit">The commit whose file it is.</param>
/// <param name="file">The file.</param>
/// <param name="report">Takes how many bytes are there, and what is waited for, if anything is.</param>
internal sealed class BlobDownload(
    HubClient client, HubSettings settings, BlobStore store, HubName name, string commit, HubFile file, Action<long, string?> report)
{
    private const int PieceBytes = 1 << 20;

    private long _there, _fetched;

    /// <summary>Fetches what is missing, links it, and gives the number of bytes that came over the network.</summary>
    /// <exception cref="IOException">It broke off too often, has another length or hash, or the disk fails.</exception>
    public async Task<long> RunAsync(CancellationToken cancellation)
    {
        using IDisposable mine = await store.LockAsync(file, () => report(_there, "another program fetches it"), cancellation).ConfigureAwait(false);
        if (!store.Has(file))
            await FetchAsync(cancellation).ConfigureAwait(false);
        store.Link(file, commit);
        if (_there < file.Bytes)
            report(file.Bytes, null); // it was there
        return _fetched;
    }

    private async Task FetchAsync(CancellationToken cancellation)
    {
        Retries retries = new(settings.FirstRetryDelay);
        string unfinished = store.UnfinishedPathOf(file);
        bool isWhole = false;
        while (!isWhole)
        {
            long before = _fetched;
            try
            {
                isWhole = await TryAsync(unfinished, cancellation).ConfigureAwait(false);
            }
            catch (TransientException failure)
            {
                if (_fetched > before)
                    retries.GotOn();
                await retries.WaitAsync(failure, state => report(_there, state), cancellation).ConfigureAwait(false);
            }
            finally
            {
                if (_there == 0 && !isWhole)
                    File.Delete(unfinished);
            }
        }

        File.Move(unfinished, store.PathOf(file), overwrite: true);
        WholeFile.FlushFolderOf(unfinished);
    }

    // False if a part that was there before turned out to be of something else: the next try starts anew.
    private async Task<bool> TryAsync(string unfinished, CancellationToken cancellation)
    {
        using FileStream content = new(unfinished, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, 1);
        using UnfinishedFile end = new(content);
        using IncrementalHash hash = NewHash();
        bool isResumed = content.Length > 0;
        await HashWhatIsThereAsync(content, hash, cancellation).ConfigureAwait(false);
        if (_there < file.Bytes)
            await FetchRestAsync(content, end, hash, cancellation).ConfigureAwait(false);
        string found = Convert.ToHexStringLower(hash.GetHashAndReset());
        if (found == file.Hash)
        {
            end.FlushToDisk();
            return true;
        }

        StartAnew(content, hash);
        return isResumed
            ? false
            : throw Fault($"has the {(file.IsSha256 ? "SHA-256" : "git hash")} {found}; expected {file.Hash}: it was damaged on the way, or on the hub; nothing of it was kept");
    }

    private async Task HashWhatIsThereAsync(FileStream content, IncrementalHash hash, CancellationToken cancellation)
    {
        StartHash(hash);
        _there = 0;
        if (content.Length > file.Bytes)
            content.SetLength(0);
        byte[] piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            while (await content.ReadAsync(piece, cancellation).ConfigureAwait(false) is int count and > 0)
            {
                hash.AppendData(piece, 0, count);
                _there += count;
                report(_there, null);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    private async Task FetchRestAsync(FileStream content, UnfinishedFile end, IncrementalHash hash, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await client.OpenAsync(name, commit, file.Name, _there, cancellation).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            StartAnew(content, hash);
            throw new TransientException($"{file.Name}: the server cannot go on where it ended");
        }

        CheckRange(response);
        if (response.StatusCode == HttpStatusCode.OK)
            StartAnew(content, hash);
        byte[] piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            using Stream body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            while (await client.ReadAsync(body, piece, cancellation).ConfigureAwait(false) is int count and > 0)
            {
                if (_there + count > file.Bytes)
                {
                    StartAnew(content, hash);
                    throw Fault($"is longer than the {file.Bytes} bytes that the hub says; nothing of it was kept");
                }

                end.Write(piece.AsSpan(0, count));
                hash.AppendData(piece, 0, count);
                _there += count;
                _fetched += count;
                report(_there, null);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }

        if (_there < file.Bytes)
            throw new TransientException($"{file.Name}: the connection ended after {_there} of {file.Bytes} bytes");
    }

    private void CheckRange(HttpResponseMessage response)
    {
        HttpContentHeaders headers = response.Content.Headers;
        if (response.StatusCode == HttpStatusCode.OK)
        {
            if (headers.ContentLength is long length && length != file.Bytes)
                throw Fault($"has {length} bytes where it is fetched; expected {file.Bytes} as the hub says");
            return;
        }

        ContentRangeHeaderValue? range = headers.ContentRange;
        if (range?.From != _there || range.HasLength && range.Length != file.Bytes)
            throw Fault($"bytes {range?.ToString() ?? "of no range"} came; expected those from {_there} of {file.Bytes}");
    }

    private void StartAnew(FileStream content, IncrementalHash hash)
    {
        content.SetLength(0);
        content.Position = 0;
        _ = hash.GetHashAndReset();
        StartHash(hash);
        _there = 0;
    }

    private IncrementalHash NewHash() => IncrementalHash.CreateHash(file.IsSha256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);

    // What git puts before a content.
    private void StartHash(IncrementalHash hash)
    {
        if (!file.IsSha256)
            hash.AppendData(Encoding.ASCII.GetBytes(FormattableString.Invariant($"blob {file.Bytes}\0")));
    }

    private IOException Fault(string problem) => new($"{name.Repository}/{file.Name}: {problem}");
}
