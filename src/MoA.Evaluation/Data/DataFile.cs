using System.IO.Compression;
using MoA.Engine;
using MoA.Engine.Files;

namespace MoA.Evaluation.Data;

/// <summary>A file of a data set, on its own or inside a zip archive as some are published.</summary>
/// <param name="Path">The file or the archive.</param>
/// <param name="Entry">The name inside the archive; null for a plain file.</param>
internal sealed record DataFile(string Path, string? Entry = null)
{
    /// <summary>What messages call it.</summary>
    public string Name => Entry is null ? Path : $"{Path}/{Entry}";

    /// <summary>Opens the content.</summary>
    /// <exception cref="InvalidInputException">It cannot be read.</exception>
    public Stream Open()
    {
        if (Entry is null)
            return InputFile.Open(Path);
        ZipArchive? archive = null;
        try
        {
            archive = ZipFile.OpenRead(Path);
            ZipArchiveEntry entry = archive.GetEntry(Entry) ?? throw InputFile.Error(Path, $"the archive has no {Entry}");
            return new OwningStream(entry.Open(), archive);
        }
        catch (Exception failure)
        {
            archive?.Dispose();
            if (failure is IOException or UnauthorizedAccessException or InvalidDataException or NotSupportedException)
                throw InputFile.Unreadable(Name, failure, "get the archive again");
            throw;
        }
    }

    /// <summary>A stream of an archive that closes the archive with it; damage found on the way is an input/output failure.</summary>
    private sealed class OwningStream(Stream inner, ZipArchive archive) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            try
            {
                return inner.Read(buffer, offset, count);
            }
            catch (InvalidDataException failure)
            {
                throw new IOException(failure.Message, failure);
            }
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                inner.Dispose();
                archive.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
