// favae, section 3 and figure 1: what likelihood, typicality and FAVAE say of the toy images.
#load "analysis.fsx"

Analysis.toyDistribution ()
