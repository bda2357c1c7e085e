// Every number of every run beside the published ones: dotnet fsi scripts/index.fsx -- [--write | --check]
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs |> ReportCommands.index |> exit
