// gaussian, Table I: L2, standardized Euclidean and Mahalanobis distance, level by level.
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs
|> StudyCommands.ablateLevels "gaussian: three distances, level by level" "gaussian" [
    for model in [ "l2"; "sed"; "mahalanobis" ] -> $"efficientnetv2_b0-{model}"
]
|> exit
