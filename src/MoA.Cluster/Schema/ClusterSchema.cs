using System.Data.Common;
using MoA.Engine;
using Npgsql;

namespace MoA.Cluster.Schema;

/// <summary>The tables and queries that Orleans uses in PostgreSQL.</summary>
internal static class ClusterSchema
{
    // Two who set up at once wait for each other.
    private const long Lock = 0x6d6f61;

    /// <summary>Creates what is missing, and brings queries up to date. May be run again at any time.</summary>
    /// <exception cref="InvalidInputException">There is no database, it cannot be reached, or it allows no tables.</exception>
    public static async Task SetUpAsync(ClusterConnection connection, CancellationToken cancellation = default)
    {
        string database = DatabaseOf(connection);
        using Stream stream = typeof(ClusterSchema).Assembly.GetManifestResourceStream("Schema.PostgreSQL.sql")!;
        using StreamReader reader = new(stream);
        string script = await reader.ReadToEndAsync(cancellation).ConfigureAwait(false);
        try
        {
            await using NpgsqlConnection opened = new(database);
            await opened.OpenAsync(cancellation).ConfigureAwait(false);
            await using NpgsqlTransaction transaction = await opened.BeginTransactionAsync(cancellation).ConfigureAwait(false);
            await ExecuteAsync(opened, $"SELECT pg_advisory_xact_lock({Lock})").ConfigureAwait(false);
            await ExecuteAsync(opened, script).ConfigureAwait(false);
            await transaction.CommitAsync(cancellation).ConfigureAwait(false);
        }
        catch (DbException failure)
        {
            throw Explain(connection, failure);
        }

        async Task ExecuteAsync(NpgsqlConnection opened, string text)
        {
            await using NpgsqlCommand command = new(text, opened);
            _ = await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Refuses a database that was not set up, or cannot be reached. Nothing is done where there is none.</summary>
    /// <exception cref="InvalidInputException">It cannot be used.</exception>
    public static async Task RequireAsync(ClusterConnection connection, CancellationToken cancellation = default)
    {
        if (connection.Database is not string database)
            return;
        try
        {
            await using NpgsqlConnection opened = new(database);
            await opened.OpenAsync(cancellation).ConfigureAwait(false);
            await using NpgsqlCommand command = new("SELECT to_regclass('OrleansStorage_Grain') IS NOT NULL", opened);
            if (await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false) is not true)
                throw new InvalidInputException($"{connection.Description}: the database was not set up for a cluster; run 'moa cluster setup' with the same --cluster once");
        }
        catch (DbException failure)
        {
            throw Explain(connection, failure);
        }
    }

    /// <summary>What is wrong with a database, in one line.</summary>
    public static InvalidInputException Explain(ClusterConnection connection, DbException failure) =>
        new($"{connection.Description}: the database cannot be used ({Reason(failure)}); check --cluster, and that the server runs and lets this user in", failure);

    private static string DatabaseOf(ClusterConnection connection) => connection.Database
        ?? throw new InvalidInputException($"--cluster {connection.Description}: needs no setup, only a PostgreSQL database does");

    private static string Reason(DbException failure) =>
        (failure is PostgresException refused ? refused.MessageText : failure.InnerException?.Message ?? failure.Message).ReplaceLineEndings(" ").TrimEnd('.');
}
