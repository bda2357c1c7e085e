// A run's report: dotnet fsi scripts/report.fsx -- --run results/quick [--check]
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs |> ReportCommands.report |> exit
