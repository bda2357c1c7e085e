// gaussian, Table III: the components of largest variance (PCA) against those of smallest (NPCA).
#r "../Analysis.FSharp/bin/Release/net10.0/Reproduction.Analysis.dll" // dotnet build -c Release

open Reproduction.Analysis

Script.ofCall __SOURCE_DIRECTORY__ fsi.CommandLineArgs
|> StudyCommands.ablateLevels "gaussian: PCA and NPCA, level by level" "gaussian" [
    for model in [ "mahalanobis"; "pca99"; "pca95"; "npca1"; "npca0.1"; "npca0.01" ] -> $"efficientnetv2_b0-{model}"
]
|> exit
