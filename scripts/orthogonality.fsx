// ssae, section 4.2: figure 9 (how near a trained model is to an orthogonal projection) and figure 8 (marginal moments of the pixels).
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs |> StudyCommands.orthogonality |> exit
