using System.Diagnostics;
using System.Numerics.Tensors;
using LLama.Exceptions;
using LLama.Native;

namespace MoA.LLamaSharpPeer;

/// <summary>A model of llama.cpp and a context of it. The clock runs around llama_decode alone.</summary>
internal sealed unsafe class PeerContext : IDisposable
{
    private const int BatchSize = 512; // llama.cpp's own default, and MoA's

    private readonly LLamaBatch _batch = new();
    private SafeLlamaModelHandle? _model;
    private string? _modelPath;
    private SafeLLamaContextHandle? _context;

    static PeerContext()
    {
        // The constructor of the configuration has found the widest vectors that processor and package have.
        NativeLibraryConfig.All.WithCuda(false).WithVulkan(false);
        NativeLogConfig.llama_log_set((level, message) =>
        {
            if (level == LLamaLogLevel.Error)
                Console.Error.Write(message);
        });
    }

    public int Threads => Context.GenerationThreads;

    private SafeLLamaContextHandle Context => _context ?? throw new InvalidOperationException("expected a load before this request");

    /// <summary>Makes a context for <paramref name="sequences"/> of <paramref name="length"/> tokens each, whose caches stand apart.</summary>
    public void Load(string modelPath, int length, int sequences, int threads, bool flashAttention, GGMLType cacheType)
    {
        NativeApi.llama_empty_call(); // loads the libraries, on the first call
        _context?.Dispose();
        _context = null;
        if (_modelPath != modelPath)
        {
            _model?.Dispose();
            _modelPath = null;
            _model = SafeLlamaModelHandle.LoadFromFile(modelPath, LLamaModelParams.Default());
            _modelPath = modelPath;
        }
        var parameters = LLamaContextParams.Default();
        parameters.n_ctx = checked((uint)(length * sequences));
        parameters.n_seq_max = (uint)sequences;
        parameters.kv_unified = false;
        parameters.n_batch = parameters.n_ubatch = BatchSize;
        parameters.n_threads = parameters.n_threads_batch = threads;
        parameters.llama_flash_attn_type = flashAttention
            ? LLamaFlashAttentionType.LLAMA_FLASH_ATTENTION_TYPE_ENABLED
            : LLamaFlashAttentionType.LLAMA_FLASH_ATTENTION_TYPE_DISABLED;
        parameters.type_k = parameters.type_v = cacheType;
        _context = SafeLLamaContextHandle.Create(_model!, parameters);
    }

    public double Prefill(int sequence, LLamaToken[] tokens)
    {
        Erase(sequence, 0);
        double seconds = 0;
        for (int start = 0; start < tokens.Length; start += BatchSize)
        {
            int end = Math.Min(start + BatchSize, tokens.Length);
            _batch.Clear();
            _batch.AddRange(tokens.AsSpan(start..end), start, (LLamaSeqId)sequence, logitsLast: end == tokens.Length);
            seconds += Forward();
        }
        return seconds;
    }

    public void Copy(int from, int to)
    {
        Erase(to, 0);
        Context.MemorySequenceCopy((LLamaSeqId)from, (LLamaSeqId)to, -1, -1);
    }

    public void Save(string file, LLamaToken[] tokens)
    {
        fixed (LLamaToken* first = tokens)
        {
            if (NativeApi.llama_state_seq_save_file(Context, file, (LLamaSeqId)0, first, (nuint)tokens.Length) == 0)
                throw new IOException($"llama.cpp could not write a state to {file}");
        }
    }

    public void Restore(string file, int length)
    {
        var tokens = new LLamaToken[length];
        fixed (LLamaToken* first = tokens)
        {
            if (NativeApi.llama_state_seq_load_file(Context, file, (LLamaSeqId)0, first, (nuint)length, out _) == 0)
                throw new InvalidDataException($"llama.cpp could not read the state in {file}");
        }
        int last = (int)Context.MemorySequenceMaxPosition((LLamaSeqId)0);
        if (last != length - 1)
            throw new InvalidDataException($"the restored context ends at position {last}, not {length - 1}");
    }

    /// <summary>Steps with one token of each sequence, which are erased again.</summary>
    public double Decode(int position, LLamaToken[][] sequences)
    {
        double seconds = 0;
        for (int step = 0; step < sequences[0].Length; step++)
        {
            _batch.Clear();
            for (int sequence = 0; sequence < sequences.Length; sequence++)
                _batch.Add(sequences[sequence][step], position + step, (LLamaSeqId)sequence, logits: true);
            seconds += Forward();
        }
        for (int sequence = 0; sequence < sequences.Length; sequence++)
            Erase(sequence, position);
        return seconds;
    }

    public List<LLamaToken> Greedy(LLamaToken[] tokens, int count, out double seconds)
    {
        seconds = Prefill(0, tokens);
        List<LLamaToken> output = [Likeliest()];
        while (output.Count < count)
        {
            _batch.Clear();
            _batch.Add(output[^1], tokens.Length + output.Count - 1, (LLamaSeqId)0, logits: true);
            seconds += Forward();
            output.Add(Likeliest());
        }
        return output;
    }

    public void Dispose()
    {
        _context?.Dispose();
        _model?.Dispose();
    }

    private void Erase(int sequence, int from) => Context.MemorySequenceRemove((LLamaSeqId)sequence, from, -1);

    private double Forward()
    {
        long start = Stopwatch.GetTimestamp();
        var result = Context.Decode(_batch);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return result == DecodeResult.Ok ? seconds : throw new LLamaDecodeError(result);
    }

    private LLamaToken Likeliest() => TensorPrimitives.IndexOfMax<float>(Context.GetLogitsIth(_batch.TokenCount - 1));
}
