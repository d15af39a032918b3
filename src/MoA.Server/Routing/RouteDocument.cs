using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace MoA.Server.Routing;

/// <summary>Writes what is known of a route into the OpenAPI document.</summary>
internal static class RouteDocument
{
    /// <summary>Adds itself to how the document is made.</summary>
    public static void Configure(OpenApiOptions options)
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo
            {
                Title = "MoA",
                Version = typeof(RouteDocument).Assembly.GetName().Version!.ToString(3),
                Description = "A model behind the routes of OpenAI and Anthropic. Fields that change what an answer means and are not served are refused by name; others that are not known are passed over.",
            };
            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, context, _) =>
        {
            if (context.Description.ActionDescriptor.EndpointMetadata.OfType<RouteDescription>().FirstOrDefault() is RouteDescription route)
                Describe(operation, route);
            return Task.CompletedTask;
        });
    }

    private static void Describe(OpenApiOperation operation, RouteDescription route)
    {
        operation.Summary = route.Summary;
        operation.Responses = new OpenApiResponses
        {
            ["200"] = new OpenApiResponse { Description = "Done" },
            ["4XX"] = new OpenApiResponse { Description = "The request is refused; the error says why" },
            ["5XX"] = new OpenApiResponse { Description = "The server cannot answer" },
        };
        if (route.Fields.Length == 0)
            return;
        OpenApiSchema body = new() { Type = JsonSchemaType.Object, Properties = new Dictionary<string, IOpenApiSchema>(), Required = new HashSet<string>() };
        foreach (string line in route.Fields.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            string[] parts = line.Split(' ', 3);
            string name = parts[0].TrimEnd('!');
            if (name != parts[0])
                body.Required.Add(name);
            body.Properties[name] = new OpenApiSchema { Type = TypeOf(parts[1]), Description = parts[2] };
        }

        operation.RequestBody = new OpenApiRequestBody
        {
            Required = true,
            Content = new Dictionary<string, OpenApiMediaType> { ["application/json"] = new OpenApiMediaType { Schema = body } },
        };
    }

    private static JsonSchemaType TypeOf(string types) => types.Split('|').Aggregate(default(JsonSchemaType), (all, type) => all | type switch
    {
        "string" => JsonSchemaType.String,
        "number" => JsonSchemaType.Number,
        "integer" => JsonSchemaType.Integer,
        "boolean" => JsonSchemaType.Boolean,
        "array" => JsonSchemaType.Array,
        _ => JsonSchemaType.Object,
    });
}
