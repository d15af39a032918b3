using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace MoA.Evaluation.Tests.Alpaca;

/// <summary>An endpoint that fails in one way, some times, and then answers "good".</summary>
internal sealed class FaultyHandler(string fault, int times) : HttpMessageHandler
{
    public int Requests { get; private set; }

    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (++Requests > times)
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("good") };
        switch (fault)
        {
            case "timeout":
                // As HttpClient says it when its own timeout is over.
                throw new TaskCanceledException("A task was canceled.", new TimeoutException());
            case "refused":
                throw new HttpRequestException("Connection refused", new SocketException(111));
            case "cut":
                throw new IOException("The response ended prematurely.");
            default:
                HttpResponseMessage response = new((HttpStatusCode)int.Parse(fault[..3], System.Globalization.CultureInfo.InvariantCulture)) { Content = new StringContent("busy\nnow") };
                if (response.StatusCode == HttpStatusCode.TooManyRequests)
                    response.Headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(fault == "429" ? 7 : 9999));
                return response;
        }
    }

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        Task.FromResult(Send(request, cancellationToken));
}
