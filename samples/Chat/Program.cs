// Talks with a model, under a plan if one is given: chat [MODEL [PLAN]]. Ctrl+C stops an answer; an empty line ends.
using Microsoft.Extensions.AI;
using MoA.Engine;
using MoA.Extensions.AI;
using MoA.Serving;

string model = args.Length > 0 ? args[0] : Path.Combine(AppContext.BaseDirectory, "models", "demo");
CancellationTokenSource stop = new();
Console.CancelKeyPress += (_, press) =>
{
    press.Cancel = true;
    stop.Cancel();
};
try
{
    ServiceOptions options = new() { PlanFile = args.Length > 1 ? args[1] : null };
    using MoAChatClient client = new MoAChatClient(ModelService.Open(model, options: options), ownsService: true);
    List<ChatMessage> conversation = [];
    for (Console.Write("> "); Console.ReadLine() is { Length: > 0 } line; Console.Write("> "))
    {
        stop = new CancellationTokenSource();
        conversation.Add(new ChatMessage(ChatRole.User, line));
        List<ChatResponseUpdate> answer = [];
        try
        {
            await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(conversation, new ChatOptions { Temperature = 0 }, stop.Token))
            {
                answer.Add(update);
                Console.Write(update.Text);
            }
        }
        catch (OperationCanceledException)
        {
            Console.Write(" …"); // what was written stays in the conversation
        }

        conversation.AddMessages(answer);
        UsageDetails? usage = answer.ToChatResponse().Usage;
        Console.WriteLine();
        if (usage is not null)
            Console.Error.WriteLine($"  {usage.InputTokenCount} tokens, {usage.CachedInputTokenCount} of them read before; {usage.OutputTokenCount} new; {usage.AdditionalCounts?["moa.kv.bytes"]} bytes of KV caches");
    }

    return 0;
}
catch (Exception failure) when (failure is InvalidInputException or RequestRefusedException)
{
    Console.Error.WriteLine(failure.Message);
    return 2;
}
