// All papers on the same categories: dotnet fsi scripts/compare-papers.fsx -- --run results/hfae results/dfr
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs |> ReportCommands.comparePapers |> exit
