using MoA.Cli;

// A byte order mark says how piped input is written; Console.In would take it for text.
TextReader input = Console.IsInputRedirected ? new StreamReader(Console.OpenStandardInput(), Console.InputEncoding) : Console.In;
return CommandLine.Run(args, input, Console.Out, Console.Error);
