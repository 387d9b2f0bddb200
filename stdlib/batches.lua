local batches = {}
function batches.note() end
function batches.close() end
return batches
