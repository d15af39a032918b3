// Continues a text with a model, under a plan if one is given: continue MODEL TEXT [PLAN].
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;

if (args is not [string path, string text, ..] || args.Length > 3)
{
    Console.Error.WriteLine("usage: continue MODEL TEXT [PLAN]");
    return 2;
}

try
{
    using ComputeBackend backend = ComputeBackend.CreateCpu();
    using LanguageModel model = LanguageModel.Load(path, backend);
    AttentionPolicy policy = args is [_, _, string file]
        ? new PlanPolicy(PlanFile.Load(file).FitTo(model.Config.Layers, model.Config.QueryHeads, model.Config.KeyValueHeads, file))
        : new DensePolicy();
    int[] prompt = model.RequireTokenizer().Encode(text, addSpecialTokens: true, parseSpecialTokens: true);
    GenerationOptions options = new() { MaxNewTokens = 32 };
    model.CheckLength(prompt.Length + options.MaxNewTokens, "the text");
    using SequenceCache caches = model.Transformer.CreateSequence(policy, prompt.Length + options.MaxNewTokens);
    GenerationResult result = new TextGenerator(model).Run(caches, prompt, options, Console.Write);
    Console.WriteLine();
    Console.Error.WriteLine($"{result.Tokens.Length} tokens after {prompt.Length}, {caches.Bytes} bytes of KV caches");
    return 0;
}
catch (InvalidInputException failure)
{
    Console.Error.WriteLine(failure.Message);
    return 2;
}
