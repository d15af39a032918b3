using System.Collections.Frozen;
using System.Diagnostics;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Search.Units;

/// <summary>
/// The greedy answers of a group of questions under a policy. A group is always answered as a whole: who else is in a batch can change
/// last bits.
/// </summary>
internal sealed class AnswersUnit : IUnitHandler
{
    private const string Name = "answers";

    /// <inheritdoc/>
    public string Kind => Name;

    /// <summary>The unit of a group.</summary>
    public static WorkUnit Of(AttentionPolicy policy, ElementType cacheType, IReadOnlyList<Question> group)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(group);
        return new WorkUnit(Name, UnitFormat.Write(writer =>
        {
            writer.WritePolicy(policy);
            writer.WriteCacheType(cacheType);
            writer.Write7BitEncodedInt(group.Count);
            foreach (Question question in group)
            {
                writer.WriteTokens(question.Prompt);
                writer.Write7BitEncodedInt(question.ContextTokens);
                writer.Write7BitEncodedInt(question.MaxNewTokens);
                writer.Write7BitEncodedInt(question.MinNewTokens);
                writer.WriteTokens([.. question.StopTokens.Order()]);
                writer.Write(question.Origin);
            }
        }), $"the answers to {group[0].Origin}{(group.Count > 1 ? $" and {group.Count - 1} more" : "")} under {policy.FullName}");
    }

    /// <summary>Lets the model answer.</summary>
    /// <param name="model">The model, which nobody else runs meanwhile.</param>
    /// <param name="policy">Which rows of the past stay.</param>
    /// <param name="cacheType">Format of the KV rows.</param>
    /// <param name="group">The questions.</param>
    /// <param name="cancellation">Checked between layers.</param>
    /// <exception cref="InvalidInputException">A question is too long for the model.</exception>
    public static GroupAnswers Compute(
        LanguageModel model, AttentionPolicy policy, ElementType cacheType, IReadOnlyList<Question> group, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(group);
        GenerationLoop loop = new(model.Transformer);
        SequenceCache[] sequences = new SequenceCache[group.Count];
        try
        {
            GenerationRun[] runs = new GenerationRun[group.Count];
            for (int i = 0; i < runs.Length; i++)
            {
                Question question = group[i];
                model.CheckLength(question.Length, question.Origin);
                sequences[i] = model.Transformer.CreateSequence(policy, question.Length, cacheType);
                Sampler sampler = new(SamplingOptions.Greedy, model.Config.VocabularySize);
                int context = question.ContextTokens == 0 ? question.Prompt.Length : question.ContextTokens, given = question.Prompt.Length - context;
                runs[i] = new GenerationRun(
                    sequences[i], question.Prompt.AsSpan(0, context), given + question.MaxNewTokens, sampler, question.StopTokens)
                {
                    MinNewTokens = given + question.MinNewTokens,
                    Written = question.Prompt[context..],
                    Given = given,
                };
                loop.Add(runs[i]);
            }

            long processed = 0, read = 0;
            Stopwatch reading = new(), writing = new();
            while (loop.ActiveRuns > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                bool reads = runs.Any(ChoosesRows);
                Stopwatch watch = reads ? reading : writing;
                watch.Start();
                int tokens = loop.Step(cancellation);
                watch.Stop();
                processed += tokens;
                read += reads ? tokens : 0;
            }

            return new GroupAnswers(processed, [.. runs.Select((run, i) => new GroupAnswer([.. run.Output.Skip(run.Given)], sequences[i].Bytes, sequences[i].PeakBytes))])
            {
                PromptTokens = read,
                PromptSeconds = reading.Elapsed.TotalSeconds,
                Seconds = reading.Elapsed.TotalSeconds + writing.Elapsed.TotalSeconds,
            };
        }
        finally
        {
            foreach (SequenceCache? sequence in sequences)
                sequence?.Dispose();
        }
    }

    /// <inheritdoc/>
    public byte[] Run(LanguageModel model, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        (AttentionPolicy policy, ElementType cacheType, Question[] group) = UnitFormat.Read(
            payload, "unit of answers", reader => (reader.ReadPolicy(model.Config), reader.ReadCacheType(), ReadGroup(reader)));
        foreach (Question question in group)
        {
            foreach (int token in question.Prompt)
                ForwardBatch.CheckToken(token, model.Config);
        }

        GroupAnswers answers = Compute(model, policy, cacheType, group, cancellation);
        return UnitFormat.Write(writer =>
        {
            writer.Write(answers.Processed);
            writer.Write7BitEncodedInt(answers.Answers.Count);
            foreach (GroupAnswer answer in answers.Answers)
            {
                writer.WriteTokens(answer.Tokens);
                writer.Write(answer.KvBytes);
                writer.Write(answer.PeakKvBytes);
            }
        });
    }

    /// <summary>Reads the result of a unit.</summary>
    /// <param name="result">The bytes.</param>
    /// <param name="questions">How many questions the group has.</param>
    /// <param name="config">The model.</param>
    /// <exception cref="InvalidInputException">It is no such result.</exception>
    public static GroupAnswers ReadResult(ReadOnlyMemory<byte> result, int questions, ModelConfig config) => UnitFormat.Read(result, "result of answers", reader =>
    {
        long processed = reader.ReadInt64();
        GroupAnswer[] answers = new GroupAnswer[reader.ReadWithin(questions, questions)];
        foreach (ref GroupAnswer answer in answers.AsSpan())
        {
            answer = new GroupAnswer(reader.ReadTokens(), reader.ReadInt64(), reader.ReadInt64());
            if (answer.Tokens.Any(token => token >= config.VocabularySize))
                throw new FormatException("a token that the model does not know");
        }

        return new GroupAnswers(processed, answers);
    });

    // A policy may choose its rows in the first step after the prompt: that is part of reading it.
    private static bool ChoosesRows(GenerationRun run) => run.Finish == FinishReason.None && run.Output.Count < 2;

    private static Question[] ReadGroup(BinaryReader reader)
    {
        Question[] group = new Question[Math.Max(1, reader.ReadCount())];
        foreach (ref Question question in group.AsSpan())
        {
            int[] prompt = reader.ReadTokens();
            if (prompt.Length == 0)
                throw new FormatException("a prompt without tokens");
            int context = reader.ReadWithin(0, prompt.Length - 1), most = reader.ReadWithin(0, int.MaxValue), least = reader.ReadWithin(0, most);
            question = new Question(prompt, most, reader.ReadTokens().ToFrozenSet(), reader.ReadString()) { MinNewTokens = least, ContextTokens = context };
        }

        return group;
    }
}
