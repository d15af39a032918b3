// Continues a text with a model, under a plan if one is given: continue MODEL TEXT [PLAN].
using MoA.Engine;
using MoA.Serving;

if (args is not [string path, string text, ..] || args.Length > 3)
{
    Console.Error.WriteLine("usage: continue MODEL TEXT [PLAN]");
    return 2;
}

try
{
    await using ModelService service = ModelService.Open(path, options: new ServiceOptions { PlanFile = args is [_, _, string plan] ? plan : null });
    TextReply reply = service.Generate(new GenerationRequest
    {
        Prompt = service.Model.RequireTokenizer().EncodePrompt(text),
        MaxNewTokens = 32,
        ContinuesPrompt = true,
    });
    await foreach (GenerationPiece piece in reply)
        Console.Write(piece.Text);

    Usage usage = (await reply.Outcome).Usage;
    Console.WriteLine();
    Console.Error.WriteLine($"{usage.NewTokens} tokens after {usage.PromptTokens}, {usage.CacheBytes} bytes of KV caches");
    return 0;
}
catch (Exception failure) when (failure is InvalidInputException or RequestRefusedException)
{
    Console.Error.WriteLine(failure.Message);
    return 2;
}
