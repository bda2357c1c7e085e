// favae, section 3 and figure 1: what likelihood, typicality and FAVAE say of the toy images.
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs |> StudyCommands.toyDistribution |> exit
