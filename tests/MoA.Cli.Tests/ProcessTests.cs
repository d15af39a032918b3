using System.Text;
using System.Text.Json;

namespace MoA.Tests;

/// <summary>What only a process of its own shows: signals, pipes, full disks.</summary>
public sealed class ProcessTests
{
    [Fact]
    public void The_program_runs_by_itself()
    {
        using ChildProcess child = ChildProcess.Start("model", "info", "--json");
        Invocation run = child.WaitForEnd();
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(Lasting(Invocation.Json("model", "info")), Lasting(run.Document()));

        // What is free of the machine's memory is another number at every look.
        static string[] Lasting(JsonElement document) =>
            [.. document.EnumerateObject().Where(member => member.Name != "mmapAuto").Select(member => $"{member.Name}: {member.Value.GetRawText()}")];
    }

    [Fact]
    public void A_byte_order_mark_on_standard_input_is_no_text()
    {
        const string Plain = "The key", Mark = @"\xef\xbb\xbf", Utf16 = @"\xff\xfeT\0h\0e\0 \0k\0e\0y\0";
        int tokens = Generate(Plain).GetProperty("promptTokens").GetInt32();
        Assert.Equal(tokens, Generate(Mark + Plain).GetProperty("promptTokens").GetInt32());
        Assert.Equal(tokens, Generate(Utf16).GetProperty("promptTokens").GetInt32());
        Assert.Equal(Plain, Run(Mark + Plain, "chat").GetProperty("messages")[0].GetProperty("content").GetString());

        static JsonElement Generate(string input) => Run(input, "generate --template off");

        static JsonElement Run(string input, string command)
        {
            using ChildProcess child = ChildProcess.Shell($"printf '{input}' | moa {command} -n 1 --json --quiet");
            Invocation run = child.WaitForEnd();
            Assert.Equal((0, ""), (run.ExitCode, run.Error));
            return run.Document();
        }
    }

    [Fact]
    public void A_reader_that_leaves_early_is_no_failure()
    {
        using ChildProcess child = ChildProcess.Shell("moa --help | head -n 1; exit ${PIPESTATUS[0]}");
        Invocation run = child.WaitForEnd();
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal("Description:\n", run.Output);
    }

    [Fact]
    public void A_chat_that_waits_for_a_line_can_be_interrupted()
    {
        using ChildProcess child = ChildProcess.Start("chat", "--system", "x", "--json");
        Thread.Sleep(1000);
        child.Signal(ChildProcess.Interrupt);
        Invocation run = child.WaitForEnd();
        Assert.Equal((130, ""), (run.ExitCode, run.Output));
        run.AssertOneLine("interrupted");
    }

    // 16 GiB of weights, all zero, that take no room on the disk: reading them takes a while. SIGTERM is heard where SIGINT is, and
    // no shell starts its background jobs with it ignored.
    [Fact]
    public void A_model_that_is_loading_can_be_interrupted()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using TemporaryFolder folder = new();
        string weights = WriteHollowModel(folder);
        using ChildProcess child = ChildProcess.Start("model", "info", "--check", "--model", folder.Path, "--threads", "1");
        child.WaitUntilMapped(weights);
        child.Signal(ChildProcess.Terminate);
        Invocation run = child.WaitForEnd();
        Assert.Equal((130, ""), (run.ExitCode, run.Output));
        run.AssertOneLine("interrupted");
    }

    [Fact]
    public void A_full_device_ends_with_one_line_and_exit_code_1()
    {
        if (!File.Exists("/dev/full"))
            return;
        using ChildProcess child = ChildProcess.Shell("moa model info --json > /dev/full");
        Invocation run = child.WaitForEnd();
        Assert.Equal(1, run.ExitCode);
        run.AssertOneLine("space");
    }

    // A limit on the size of files stands for a full disk: writing fails in the middle.
    [Fact]
    public void A_file_that_does_not_fit_leaves_nothing_behind()
    {
        if (OperatingSystem.IsWindows())
            return;
        using TemporaryFolder folder = new();
        string plan = RepositoryFiles.Fixture("plans", "lmsys--vicuna-7b-v1.5-16k.moa.json");
        using ChildProcess child = ChildProcess.Shell($"trap '' XFSZ; ulimit -f 1; moa plan convert '{plan}' '{folder["plan.json"]}'");
        Invocation run = child.WaitForEnd();
        Assert.Equal(1, run.ExitCode);
        run.AssertOneLine("plan.json", "cannot be written to its end");
        Assert.Empty(folder.Names());
    }

    private static string WriteHollowModel(TemporaryFolder folder)
    {
        const long Width = 128, Vocabulary = 1 << 25;
        _ = folder.Write("config.json", $$"""
            {"architectures":["LlamaForCausalLM"],"hidden_size":{{Width}},"intermediate_size":{{Width}},"num_hidden_layers":1,
             "num_attention_heads":1,"vocab_size":{{Vocabulary}},"tie_word_embeddings":true}
            """);
        string[] square = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];
        (string Name, long[] Shape)[] tensors =
        [
            ("model.embed_tokens", [Vocabulary, Width]), ("model.norm", [Width]), ("model.layers.0.input_layernorm", [Width]),
            ("model.layers.0.post_attention_layernorm", [Width]),
            .. square.Select(name => ($"model.layers.0.{name}", (long[])[Width, Width])),
        ];
        long end = 0;
        byte[] header = Encoding.UTF8.GetBytes("{" + string.Join(',', tensors.Select(tensor =>
        {
            long start = end;
            end += sizeof(float) * tensor.Shape.Aggregate(1L, (count, size) => count * size);
            return $"\"{tensor.Name}.weight\":{{\"dtype\":\"F32\",\"shape\":[{string.Join(',', tensor.Shape)}],\"data_offsets\":[{start},{end}]}}";
        })) + "}");
        string path = folder["model.safetensors"];
        using FileStream file = File.Create(path);
        file.Write(BitConverter.GetBytes((long)header.Length));
        file.Write(header);
        file.SetLength(file.Position + end);
        return path;
    }
}
