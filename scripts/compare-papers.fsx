// All papers on the same categories: dotnet fsi scripts/compare-papers.fsx -- --run results/hfae results/dfr
#load "analysis.fsx"

Analysis.comparePapers ()
