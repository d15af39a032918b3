namespace MoA.Engine;

/// <summary>
/// Writes to a file. .NET reports a file that grows beyond the limit of its system or user as an argument out of range, as if the
/// program were wrong; here it is a failure to write.
/// </summary>
internal sealed class UnfinishedFile(FileStream file) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => file.Length;

    public override long Position
    {
        get => file.Position;
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            file.Write(buffer);
        }
        catch (ArgumentOutOfRangeException failure)
        {
            throw TooLong(failure);
        }
    }

    public override void Write(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        Write(buffer.AsSpan(offset, count));
    }

    public override void WriteByte(byte value) => Write([value]);

    public override void Flush() => Flush(toDisk: false);

    /// <summary>Returns once everything is on disk.</summary>
    public void FlushToDisk() => Flush(toDisk: true);

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        try
        {
            if (disposing)
                file.Dispose();
        }
        catch (ArgumentOutOfRangeException failure)
        {
            throw TooLong(failure);
        }

        base.Dispose(disposing);
    }

    private void Flush(bool toDisk)
    {
        try
        {
            file.Flush(toDisk);
        }
        catch (ArgumentOutOfRangeException failure)
        {
            throw TooLong(failure);
        }
    }

    private static IOException TooLong(ArgumentOutOfRangeException failure) =>
        new("the file would be longer than the system allows", failure);
}
