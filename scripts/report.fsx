// A run's report: dotnet fsi scripts/report.fsx -- --run results/quick [--check]
#load "analysis.fsx"

Analysis.report ()
