// A web API over a model of its own process, with a tool that the model may call. webapi [--MoA:Model PATH] [--MoA:Plan FILE] [--urls http://127.0.0.1:5080]
//   curl -d '"What is the weather in Bern?"' -H 'content-type: application/json' http://127.0.0.1:5080/ask
using System.ComponentModel;
using Microsoft.Extensions.AI;
using MoA.Engine;
using MoA.Extensions.AI;
using MoA.Serving;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Services.AddMoA(options =>
    {
        options.Model = Path.Combine(AppContext.BaseDirectory, "models", "demo");
        builder.Configuration.GetSection("MoA").Bind(options);
    })
    .UseFunctionInvocation()
    .UseOpenTelemetry();
WebApplication app = builder.Build();

AIFunction weather = AIFunctionFactory.Create(Weather);
ChatOptions options = new() { Tools = [weather], MaxOutputTokens = 256 };

app.MapPost("/ask", async (IChatClient model, [Microsoft.AspNetCore.Mvc.FromBody] string question, CancellationToken cancellation) =>
{
    try
    {
        ChatResponse answer = await model.GetResponseAsync(question, options.Clone(), cancellation);
        return Results.Ok(new { answer.Text, answer.Usage });
    }
    catch (Exception refusal) when (refusal is InvalidInputException or RequestRefusedException)
    {
        return Results.BadRequest(new { error = refusal.Message });
    }
});
app.MapPost("/stream", (IChatClient model, [Microsoft.AspNetCore.Mvc.FromBody] string question, CancellationToken cancellation) =>
    TypedResults.ServerSentEvents(Texts(model, question, cancellation)));
app.MapGet("/state", (ModelService service) => service.State);
app.Run();

[Description("The weather of a town")]
static string Weather([Description("The town's name")] string town) => town.Length % 2 == 0 ? "sunny, 21 °C" : "rain, 9 °C";

async IAsyncEnumerable<string> Texts(IChatClient model, string question, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
{
    await foreach (ChatResponseUpdate update in model.GetStreamingResponseAsync(question, options.Clone(), cancellation))
    {
        if (update.Text.Length > 0)
            yield return update.Text;
    }
}
