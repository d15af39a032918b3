// The peer that a .NET user would pick: llama.cpp as LLamaSharp brings it, behind the JSON lines of ../llama.mjs, where the requests
// are explained. One request in, one answer out, all on one thread, to which llama.cpp's own threads belong.

using System.Text.Json;
using MoA.LLamaSharpPeer;

using var context = new PeerContext();
using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
while (Console.ReadLine() is { } line)
    output.WriteLine(Answer(line));

string Answer(string line)
{
    using var stream = new MemoryStream();
    using (var answer = new Utf8JsonWriter(stream))
    {
        try
        {
            using var request = JsonDocument.Parse(line);
            answer.WriteStartObject();
            Requests.Answer(context, request.RootElement, answer);
        }
        catch (Exception failure)
        {
            answer.Reset();
            stream.SetLength(0);
            answer.WriteStartObject();
            answer.WriteString("error", failure.Message);
        }
        answer.WriteEndObject();
    }
    return System.Text.Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
}
