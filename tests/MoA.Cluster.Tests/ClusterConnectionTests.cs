using MoA.Engine;
using Npgsql;

namespace MoA.Cluster.Tests;

public sealed class ClusterConnectionTests
{
    [Theory]
    [InlineData("localhost", 11111)]
    [InlineData(" localhost:4000 ", 4000)]
    [InlineData("127.0.0.1:4001", 4001)]
    public void Ports_of_this_machine(string text, int port)
    {
        ClusterConnection connection = ClusterConnection.Parse(text);
        Assert.Null(connection.Database);
        Assert.Equal(port, connection.LocalPort);
        Assert.Equal($"localhost:{port}", connection.Description);
    }

    [Theory]
    [InlineData("postgresql://ann:s%2Fecret@db.example.org:6000/moa?sslmode=verify-full")]
    [InlineData("postgres://ann:s%2Fecret@db.example.org:6000/moa?sslmode=verify-full")]
    [InlineData("Host=db.example.org;Port=6000;Username=ann;Password=s/ecret;Database=moa;SSL Mode=VerifyFull")]
    public void Databases(string text)
    {
        ClusterConnection connection = ClusterConnection.Parse(text);
        NpgsqlConnectionStringBuilder parts = new(connection.Database);
        Assert.Equal("db.example.org", parts.Host);
        Assert.Equal(6000, parts.Port);
        Assert.Equal("ann", parts.Username);
        Assert.Equal("s/ecret", parts.Password);
        Assert.Equal("moa", parts.Database);
        Assert.Equal(SslMode.VerifyFull, parts.SslMode);
        Assert.Equal("db.example.org:6000/moa", connection.Description);
    }

    [Theory]
    [InlineData("")]
    [InlineData("db.example.org")]
    [InlineData("localhost:0")]
    [InlineData("localhost:65535")]
    [InlineData("localhost:1:2")]
    [InlineData("localhost:1,5")]
    [InlineData("Host=db;Password=hush-hush")]
    [InlineData("Database=moa;Password=hush-hush")]
    [InlineData("Host=db;Database=moa;Colour=hush-hush")]
    [InlineData("Host=db;Database=moa;Port=hush-hush")]
    [InlineData("postgresql://ann:hush-hush@:5432/moa")]
    [InlineData("postgresql://ann:hush-hush@db/")]
    [InlineData("postgresql://ann:hush-hush@db:port/moa")]
    [InlineData("postgresql://ann@db/moa?hush-hush=1")]
    [InlineData("postgresql://ann@db/moa?sslmode=hush-hush")]
    public void What_cannot_be_read_is_refused_without_repeating_passwords(string text)
    {
        string message = Assert.Throws<InvalidInputException>(() => ClusterConnection.Parse(text)).Message;
        Assert.StartsWith("--cluster", message, StringComparison.Ordinal);
        Assert.DoesNotContain("hush-hush", message, StringComparison.Ordinal);
    }
}
