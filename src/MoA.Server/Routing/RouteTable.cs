using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using MoA.Server.Anthropic;
using MoA.Server.Http;
using MoA.Server.OpenAI;
using MoA.Server.OpenAI.Responses;
using MoA.Server.Operations;

namespace MoA.Server.Routing;

/// <summary>All routes.</summary>
internal sealed class RouteTable(WebApplication app, ServedModel served)
{
    private static readonly string[] Reading = ["GET", "HEAD"];

    /// <summary>Adds them to the application.</summary>
    public void Map()
    {
        MapTexts("/v1/chat/completions", RouteDescription.ChatCompletions, ChatCompletions.AnswerAsync);
        MapTexts("/v1/completions", RouteDescription.Completions, Completions.AnswerAsync);
        MapTexts("/v1/responses", RouteDescription.Responses, ResponseRoute.AnswerAsync);
        MapTexts("/v1/messages", RouteDescription.Messages, MessageRoutes.AnswerAsync);
        MapPost("/v1/messages/count_tokens", RouteDescription.CountTokens, MessageRoutes.CountAsync);
        MapPost("/tokenize", RouteDescription.Tokenize, TokenRoutes.TokenizeAsync);
        MapPost("/detokenize", RouteDescription.Detokenize, TokenRoutes.DetokenizeAsync);
        MapPost("/apply-template", RouteDescription.ApplyTemplate, TokenRoutes.ApplyTemplateAsync);
        MapGet("/v1/models", RouteDescription.Models, context => Models.ListAsync(context, served));
        MapGet("/v1/models/{**id}", RouteDescription.Model, context => Models.GetAsync(context, served));
        MapGet("/moa/state", RouteDescription.State, context => StateRoutes.StateAsync(context, served));
        MapGet("/moa/rows", RouteDescription.Rows, context => StateRoutes.RowsAsync(context, served));
        MapGet("/metrics", RouteDescription.Metrics, ServerMetrics.Scraper(app));
        MapGet("/health", RouteDescription.Health, StateRoutes.HealthAsync).WithMetadata(OpenToAll.Instance);
        MapGet("/ready", RouteDescription.Ready, context => StateRoutes.ReadyAsync(context, served)).WithMetadata(OpenToAll.Instance);
        app.MapOpenApi("/openapi/{documentName}.json").WithMetadata(OpenToAll.Instance);
        foreach (string name in PageFiles.Names.Prepend(""))
            app.MapMethods($"/{name}", Reading, context => PageFiles.SendAsync(context, name)).WithMetadata(OpenToAll.Instance).ExcludeFromDescription();
    }

    private void MapTexts(string path, RouteDescription description, Func<Exchange, Task> answer) =>
        MapPost(path, description, context => Exchange.RunAsync(context, served, isForText: true, answer));

    private void MapPost(string path, RouteDescription description, Func<Exchange, Task> answer) =>
        MapPost(path, description, context => Exchange.RunAsync(context, served, isForText: false, answer));

    // The method is what the OpenAPI document goes by: routes without one are not in it.
    private void MapPost(string path, RouteDescription description, RequestDelegate answer) =>
        app.MapPost(path, answer).WithMetadata(description, answer.Method);

    private IEndpointConventionBuilder MapGet(string path, RouteDescription description, RequestDelegate answer) =>
        app.MapMethods(path, Reading, answer).WithMetadata(description, answer.Method);
}
